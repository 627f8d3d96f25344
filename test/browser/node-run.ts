/**
 * Trains a run on Node, in a process of its own whose environment names the Vulkan driver: FOLDER CONFIG. Prints the losses of its
 * steps. With PAUSED STEPS, trains it once more in another folder, and pauses it there after so many steps.
 */
import { FolderStore } from "../../src/node/folder-store.ts";
import { folderImages } from "../../src/node/image-source.ts";
import { openGpu } from "../../src/node/open-gpu.ts";
import { InputError } from "../../src/runs/store.ts";
import { train } from "../../src/runs/train.ts";
import { checkConfig } from "../../src/train/config.ts";

const [folder, config, paused, steps] = process.argv.slice(2) as [string, string, string?, string?];
const gpu = await openGpu();

async function trained(dir: string, most = Infinity): Promise<number[]> {
  const losses: number[] = [];
  const controller = new AbortController();
  await train({
    gpu,
    store: new FolderStore(dir),
    config: checkConfig(JSON.parse(config)),
    source: folderImages,
    signal: controller.signal,
    emit: (event) => {
      if (event.type === "step" && losses.push(event.loss) >= most) controller.abort(new InputError("paused"));
    },
    saveEvery: 0,
  });
  return losses;
}

const losses = await trained(folder);
if (paused !== undefined) await trained(paused, Number(steps));
console.log(JSON.stringify({ adapter: gpu.name, losses }));
gpu.destroy();
