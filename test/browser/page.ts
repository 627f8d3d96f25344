/** The kernel suite in a page. Opened with ?driven it waits for a test to call it; else it runs everything and shows it. */
import { Gpu } from "../../src/gpu/gpu.ts";
import { compareLine, networks, parseTable } from "../support/reference.ts";
import { makeRunner, type Runner } from "../support/runner.ts";

async function load(file: string): Promise<Uint8Array> {
  const response = await fetch(`./${file}`);
  if (!response.ok) throw new Error(`${file}: ${response.status} ${response.statusText}`);
  return new Uint8Array(await response.arrayBuffer());
}

async function open() {
  // Browsers without WebGPU, and insecure pages, do not have the property.
  const adapter = await (navigator as Partial<Navigator>).gpu?.requestAdapter();
  if (!adapter) throw new Error("this browser has no WebGPU adapter");
  const gpu = await Gpu.create(adapter);
  return { gpu, runner: await makeRunner(gpu, load) };
}

export type Suite = Awaited<ReturnType<typeof open>>;

declare global {
  /** For the test that drives the page. */
  var suite: Promise<Suite>;
}

const list = document.querySelector("pre")!;
const say = (line: string): void => list.append(`${line}\n`);

async function showAll({ gpu, runner }: Suite): Promise<void> {
  const { vendor, architecture } = gpu.info;
  say(`${vendor} ${architecture}, subgroup size ${gpu.caps.subgroupSize ?? "not used"}`);
  const table = parseTable(new TextDecoder().decode(await load("cases.json")));
  const cases: [string, (runner: Runner) => ReturnType<Runner["network"]>][] = [
    ...Object.entries(table).flatMap(([op, found]) =>
      found.map(({ name }): (typeof cases)[number] => [
        `${op}/${name}`,
        async (r) => (await r.op(op, name)).comparisons,
      ]),
    ),
    ...networks.map((name): (typeof cases)[number] => [`network/${name}`, (r) => r.network(name)]),
  ];
  let failed = 0;
  for (const [title, run] of cases) {
    const wrong = await run(runner).then(
      (comparisons) => comparisons.filter(({ error, bar }) => !(error <= bar)).map(compareLine),
      (error: unknown) => [String(error)],
    );
    if (wrong.length > 0) failed++;
    say(`${wrong.length > 0 ? "DIFFERS" : "agrees "} ${title}`);
    for (const line of wrong) say(`        ${line}`);
  }
  say(`${cases.length - failed} of ${cases.length} cases agree with PyTorch.`);
}

globalThis.suite = open();
if (!new URLSearchParams(location.search).has("driven")) {
  globalThis.suite.then(showAll).catch((error: unknown) => say(String(error)));
}
