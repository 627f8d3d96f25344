/**
 * Trains a small MGA-Net in two phases on one's own pictures: `npx tsx examples/mganet/train.ts PICTURES [mganet.safetensors]`.
 * PICTURES has the folders benign and malignant, with a picture NAME.png and a mask NAME.mask.png of the same size for each nodule.
 * `npm run train` does the same with all that a study needs: validation, checkpoints, resuming, reports.
 */
import { readdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { save } from "mganet-webgpu/io";
import { imageOf, jointLoss, MGANet, paperOptions, segmentationLoss } from "mganet-webgpu/models";
import { openGpu, readPicture } from "mganet-webgpu/node";
import { Adam } from "mganet-webgpu/optim";
import { trainer } from "mganet-webgpu/train";
import { shuffled, uniform } from "../random.ts";

const SIDE = 64;
const classes = ["benign", "malignant"];

/** A picture as the network takes it, and which of its pixels are nodule, [SIDE, SIDE, 1]. */
async function readPair(file: string) {
  const { image, crop } = imageOf(await readPicture(file), { size: [SIDE, SIDE] });
  const mask = await readPicture(file.replace(/\.png$/, ".mask.png"));
  // The network is shown a part of the picture: the mask is looked up in the middle of each of its pixels.
  const target = Float32Array.from({ length: SIDE * SIDE }, (_, i) => {
    const x = crop.x0 + (((i % SIDE) + 0.5) / SIDE) * (crop.x1 - crop.x0);
    const y = crop.y0 + ((Math.floor(i / SIDE) + 0.5) / SIDE) * (crop.y1 - crop.y0);
    return mask.grey[Math.floor(y) * mask.width + Math.floor(x)]! > 127 ? 1 : 0;
  });
  return { image, target };
}

const [folder, out = "mganet.safetensors"] = process.argv.slice(2);
if (!folder) throw new Error("name a folder of pictures");
const samples: { image: Float32Array; target: Float32Array; label: number }[] = [];
for (const [label, name] of classes.entries()) {
  const files = (await readdir(path.join(folder, name))).filter((file) => /(?<!\.mask)\.png$/.test(file));
  for (const file of files.sort()) samples.push({ ...(await readPair(path.join(folder, name, file))), label });
}

function* batches(epoch: number) {
  const order = shuffled(samples.length, uniform(epoch)).map((i) => samples[i]!);
  for (let from = 0; from < order.length; from += 8) {
    const some = order.slice(from, from + 8);
    const joined = (of: "image" | "target") => Float32Array.from(some.flatMap((sample) => [...sample[of]]));
    yield { image: joined("image"), target: joined("target"), label: Uint32Array.from(some, ({ label }) => label) };
  }
}

using gpu = await openGpu();
const net = new MGANet({ ...paperOptions, width: 1 / 8 });
const [image, target] = [
  [SIDE, SIDE, 3],
  [SIDE, SIDE, 1],
] as const;

using outlining = trainer(gpu, net, {
  inputs: { image, target },
  loss({ image, target }) {
    const { logits, mask } = net.segment(image);
    return segmentationLoss("dice", logits, mask, target);
  },
  optimizer: new Adam(net.segmenter, { lr: 1e-3 }),
});
const outlined = function* (epoch: number) {
  for (const { image, target } of batches(epoch)) yield { image, target };
};
await outlining.fit(outlined, {
  epochs: 5,
  onEpoch: ({ epoch, loss }) => console.log(`segmentation, epoch ${epoch}: Dice loss ${loss.toFixed(3)}`),
});

using joint = trainer(gpu, net, {
  inputs: { image, target, label: [] },
  loss({ image, target, label }) {
    const { total, cls, seg } = jointLoss(net.forward(image), label, target);
    return { loss: total, cls, seg };
  },
  optimizer: new Adam(net, { lr: 1e-3 }),
});
await joint.fit(batches, {
  epochs: 5,
  onEpoch: ({ epoch, cls, seg }) =>
    console.log(`joint, epoch ${epoch}: cross-entropy ${cls.toFixed(3)}, Dice loss ${seg.toFixed(3)}`),
});
await writeFile(out, await save(gpu, net));
// PicturePredictor.of(gpu, net, { size: [SIDE, SIDE], classes }) asks it about pictures, also after load(gpu, net, file).
console.log(`written to ${out}`);
