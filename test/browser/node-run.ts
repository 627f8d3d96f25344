/** Trains a run on Node, in a process of its own whose environment names the Vulkan driver: FOLDER CONFIG. Prints the losses of its steps. */
import { FolderStore } from "../../src/node/folder-store.ts";
import { folderImages } from "../../src/node/image-source.ts";
import { openGpu } from "../../src/node/open-gpu.ts";
import { train } from "../../src/runs/train.ts";
import { checkConfig } from "../../src/train/config.ts";

const [folder, config] = process.argv.slice(2) as [string, string];
const gpu = await openGpu();
const losses: number[] = [];
await train({
  gpu,
  store: new FolderStore(folder),
  config: checkConfig(JSON.parse(config)),
  source: folderImages,
  emit: (event) => {
    if (event.type === "step") losses.push(event.loss);
  },
  saveEvery: 0,
});
console.log(JSON.stringify({ adapter: gpu.name, losses }));
gpu.destroy();
