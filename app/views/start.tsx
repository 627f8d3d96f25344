/** The first view: what can be done here, and what this browser and adapter offer. */
import { adapter, checkParity, openAdapter, parity } from "../state/engine.ts";
import { offline } from "../state/offline.ts";
import { addressOf } from "../state/route.ts";
import type { AdapterInfo } from "../worker/compute.ts";
import { WithoutWebGpu } from "../parts/without-webgpu.tsx";

export function Start() {
  return (
    <>
      <h1>Thyroid nodules in ultrasound images</h1>
      <p class="lead">
        Annotate with boxes, train a network that is guided by the mask it learns from them, predict and explain.
        Everything runs on this computer's graphics card.
      </p>
      <div class="doors">
        <a class="door" href={addressOf("images")}>
          <b>Images</b>
          <span>
            Open a folder, with annotations or without, DICOM and film loops included; or draw synthetic images.
          </span>
        </a>
        <a class="door" href={addressOf("train")}>
          <b>Train</b>
          <span>With live curves. It goes on in a hidden tab and survives a closed one.</span>
        </a>
        <a class="door" href={addressOf("predict")}>
          <b>Predict</b>
          <span>Probabilities, outlines, and maps of what the network looks at, of images that are dropped here.</span>
        </a>
      </div>
      <Adapter />
      <p class="dim small">
        {offline.value === "ready" && "This page works without a network from now on. "}
        Images, annotations and models are kept in this browser's private storage until you delete them.
      </p>
    </>
  );
}

function Adapter() {
  const found = adapter.value;
  return (
    <section aria-labelledby="adapter">
      <h2 id="adapter">This computer</h2>
      {found.kind === "opening" && <p role="status">Opening the graphics card…</p>}
      {found.kind === "missing" && <WithoutWebGpu reason={found.reason} again={() => void openAdapter()} />}
      {found.kind === "ready" && (
        <>
          <p>{describe(found.adapter)}</p>
          <Parity />
        </>
      )}
    </section>
  );
}

const MEBIBYTE = 2 ** 20;

function describe({ name, details, caps }: AdapterInfo): string {
  const features = [
    caps.subgroupSize === undefined ? "no subgroups" : `subgroups of ${caps.subgroupSize}`,
    caps.f16 ? "half precision" : "no half precision",
    `bindings of ${Math.floor(caps.maxBindingBytes / MEBIBYTE)} MiB`,
    `buffers of ${Math.floor(caps.maxBufferBytes / MEBIBYTE)} MiB`,
  ];
  const kind =
    caps.adapterClass === "software" ? " It computes on the processor, slowly: no graphics card was offered." : "";
  const more = details === "" || details === name ? "" : ` (${details})`;
  return `${name}${more}: ${features.join(", ")}.${kind}`;
}

function Parity() {
  const check = parity.value;
  if (check.kind === "unknown") return null;
  if (check.kind === "running") {
    return <p role="status">Checking once whether this graphics card computes what PyTorch computes…</p>;
  }
  if (check.kind === "failed") {
    return (
      <div class="warning" role="alert">
        <p>The comparison with PyTorch could not be made: {check.reason}</p>
        <button onClick={() => void checkParity()}>Try again</button>
      </div>
    );
  }
  const worst = check.rows.reduce((a, b) => (b.error / b.bar > a.error / a.bar ? b : a));
  return (
    <>
      {check.agrees ? (
        <p>
          Agrees with PyTorch (double precision): losses, {check.rows.length} comparisons, checked on {check.date}.
        </p>
      ) : (
        <div class="warning" role="alert">
          <p>
            <b>This graphics card, or its driver, computes something else than PyTorch</b>: {worst.what} is off by{" "}
            {worst.error.toExponential(1)}, where {worst.bar.toExponential(0)} is allowed. Do not trust results from it.
            Update the driver or the browser, or use another computer.
          </p>
        </div>
      )}
      <details>
        <summary>What was compared</summary>
        <table>
          <thead>
            <tr>
              <th scope="col">Quantity</th>
              <th scope="col">Relative error</th>
              <th scope="col">Allowed</th>
            </tr>
          </thead>
          <tbody>
            {check.rows.map(({ what, error, bar }) => (
              <tr key={what}>
                <td>{what}</td>
                <td>{error.toExponential(1)}</td>
                <td>{bar.toExponential(0)}</td>
              </tr>
            ))}
          </tbody>
        </table>
        <button onClick={() => void checkParity()}>Check again</button>
      </details>
    </>
  );
}
