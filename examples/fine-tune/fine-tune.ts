/**
 * Fine-tunes a ResNet34 on one's own pictures, one folder a class:
 * `npx tsx examples/fine-tune/fine-tune.ts resnet34.pth PICTURES [--side 224] [--epochs 10] [--out fine-tuned.onnx]`.
 * The weights are torchvision's: torch.save(torchvision.models.resnet34(weights="DEFAULT").state_dict(), "resnet34.pth").
 */
import { readFile, writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { crossEntropy, softmax } from "mganet-webgpu";
import { fromTorch, load, toOnnx } from "mganet-webgpu/io";
import { ResNet34 } from "mganet-webgpu/models";
import { openGpu } from "mganet-webgpu/node";
import { AdamW } from "mganet-webgpu/optim";
import { accuracy, predictor, trainer } from "mganet-webgpu/train";
import { batches, joined, readClasses } from "./pictures.ts";

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    side: { type: "string", default: "224" },
    epochs: { type: "string", default: "10" },
    out: { type: "string", default: "fine-tuned.onnx" },
  },
});
const [file, folder] = positionals;
if (!file || !folder) throw new Error("name a file of weights and a folder of pictures");
const [side, epochs] = [Number(values.side), Number(values.epochs)];

const { classes, examples } = await readClasses(folder, side);
const isHeldOut = (i: number) => i % 5 === 4;
const learned = examples.filter((_, i) => !isHeldOut(i));
const heldOut = examples.filter((_, i) => isHeldOut(i));
console.log(`${classes.join(", ")}: ${learned.length} pictures to learn from, ${heldOut.length} held out`);

using gpu = await openGpu();
const weights = fromTorch(await readFile(file), file);
// torchvision's network has 64 filters first; one that was made narrower, fewer.
const width = (weights.get("conv1.weight")?.shape[0] ?? 64) / 64;
const net = new ResNet34({ width, classes: classes.length });
// The last layer is for other classes, and stays as it was initialised.
const { taken, missing } = await load(gpu, net, weights, { ignore: ["fc."], name: file });
console.log(`${taken.length} tensors of ${file} are taken; new are ${missing.join(", ")}`);

using training = trainer(gpu, net, {
  inputs: { image: [side, side, 3], label: [] },
  loss({ image, label }) {
    const { logits } = net.forward(image);
    return { loss: crossEntropy(logits, label), outputs: logits };
  },
  // What has been learned changes slowly, the new layer at ten times the rate.
  optimizer: new AdamW(net, { lr: 1e-4, groups: [{ parameters: net.fc, lr: 1e-3 }] }),
});
await training.fit((epoch) => batches(learned, 16, epoch), {
  epochs,
  async onEpoch({ epoch, loss }) {
    const held = await training.evaluate(batches(heldOut, 16, 0), {
      metrics: { right: (logits, { label }) => accuracy(logits, label) },
    });
    const right = `${(100 * held.right).toFixed(0)} % right`;
    console.log(`epoch ${epoch}: loss ${loss.toFixed(3)}; held out: loss ${held.loss.toFixed(3)}, ${right}`);
  },
});

using asked = predictor(gpu, (x) => softmax(net.forward(x).logits, 1), { input: [side, side, 3] });
const probabilities = await asked.predict(joined(heldOut));
const right = heldOut.filter(({ label }, i) => {
  const own = probabilities.subarray(i * classes.length, (i + 1) * classes.length);
  return own.indexOf(Math.max(...own)) === label;
});
console.log(`${right.length} of ${heldOut.length} held out are classified right`);

const model = toOnnx((x) => net.forward(x), await net.stateDict(gpu), { size: [side, side] });
await writeFile(values.out, model);
console.log(`written to ${values.out}`);
