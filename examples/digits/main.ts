/** Trains on drawn digits in the page, reads ten of them, and offers the network as a file that Node reads, too. */
import { load, save } from "mganet-webgpu/io";
import { openGpu } from "mganet-webgpu/web";
import { drawDigits, SIDE } from "./digits.ts";
import { accuracy, network, read, train } from "./network.ts";

const said = document.querySelector("#said")!;
const say = (text: string) => (said.textContent += `\n${text}`);

async function main(): Promise<void> {
  const gpu = await openGpu();
  said.textContent = `Computes on ${gpu.name}.`;
  const net = network();
  await train(gpu, net, say);

  const others = drawDigits(1000, 100);
  const found = await read(gpu, net, others.image);
  say(`${(100 * accuracy(found, others)).toFixed(1)} % of 1000 other digits are read`);

  const file = await save(gpu, net);
  const again = network();
  await load(gpu, again, file);
  const same = (await read(gpu, again, others.image)).every((digit, i) => digit === found[i]);
  say(`loaded again, it reads ${same ? "the same" : "other"} digits`);

  const context = document.querySelector("canvas")!.getContext("2d")!;
  for (let n = 0; n < 10; n++) {
    const picture = context.createImageData(SIDE, SIDE);
    for (let i = 0; i < SIDE * SIDE; i++) {
      const grey = 255 * others.image[n * SIDE * SIDE + i]!;
      picture.data.set([grey, grey, grey, 255], 4 * i);
    }
    context.putImageData(picture, n * SIDE, 0);
  }
  say(`these are read as ${found.subarray(0, 10).join(" ")}`);
  const link = document.querySelector<HTMLAnchorElement>("#file")!;
  link.href = URL.createObjectURL(new Blob([file]));
  link.hidden = false;
}

main().catch((error: unknown) => say((error as Error).message));
