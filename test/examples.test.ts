/** The examples as a user runs them, each in a process of its own. */
import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { phantomImage } from "../src/data/phantom/phantom.ts";
import { writePng } from "../src/data/pictures/png-write.ts";
import { parseSafetensors } from "../src/data/safetensors.ts";
import { mganet, temporaryFolder, tamedCheckpoint, write } from "./cli/support.ts";
import { slow } from "./support/selection.ts";
import { smallResNet, torchFile } from "./support/torch-file.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const tsx = path.join(root, "node_modules/tsx/dist/cli.mjs");
const folder = temporaryFolder();
const at = (name: string) => path.join(folder, name);

/** What an example prints. */
async function printed(example: string, ...args: string[]): Promise<string> {
  const command = [tsx, path.join(root, "examples", example), ...args];
  return (await promisify(execFile)(process.execPath, command, { cwd: root })).stdout;
}
const numbers = (text: string, pattern: RegExp) => [...text.matchAll(pattern)].map(([, value]) => Number(value));

test("digits: reads at least 97 % of others, and the same ones once loaded", async () => {
  const out = await printed("digits/node.ts", at("digits.safetensors"));
  expect(numbers(out, /^([\d.]+) % of 1000 other digits are read$/gm)[0]).toBeGreaterThanOrEqual(97);
  expect(out).toContain(`loaded from ${at("digits.safetensors")}, it reads the same digits`);
});

test("custom-op: agrees with its reference, and the network takes out more than half of the noise", async () => {
  const out = await printed("custom-op/denoise.ts");
  expect(out).toMatch(/^softThreshold: 18 comparisons, values and gradients agree with the reference$/m);
  const [after] = numbers(out, /^squared error of other signals: ([\d.]+), before 0\.2500$/gm);
  expect(after).toBeLessThan(0.125);
});

test("mganet: predicts a picture as the command line does, and draws the outline", async () => {
  const { grey, width, height } = phantomImage(0, 3);
  const size = { width, height };
  write(folder, { "best.safetensors": await tamedCheckpoint(), "a nodule.png": writePng(size, grey) });
  const [checkpoint, picture] = [at("best.safetensors"), at("a nodule.png")];
  const out = await printed("mganet/predict.ts", checkpoint, picture);
  const ended = await mganet("predict", "--run", checkpoint, "--out", at("predicted"), picture);
  expect(ended).toMatchObject({ code: 0 });
  const { predictions } = JSON.parse(readFileSync(at("predicted/predictions.json"), "utf8")) as {
    predictions: { malignant: number; box: object }[];
  };
  const [malignant] = numbers(out, /^malignant: ([\d.]+)$/gm);
  expect(Math.abs(malignant! - predictions[0]!.malignant)).toBeLessThanOrEqual(1e-6);
  expect(out).toMatch(/^nodule from \([\d.]+, [\d.]+\) to \([\d.]+, [\d.]+\)$/m);
  const drawing = readFileSync(at("a nodule.svg"), "utf8");
  expect(drawing).toContain('<image href="a%20nodule.png"');
  expect(drawing).toMatch(/<path d="M[\d.]+ [\d.]+L/);
});

const SIDE = 48;

/** A disc, or as much of stripes, anywhere, in grey. */
function drawn(label: number, n: number): Uint8Array {
  const [x0, y0] = [16 + ((n * 7) % 17), 16 + ((n * 11) % 17)];
  return Uint8Array.from({ length: SIDE * SIDE }, (_, i) => {
    const [x, y] = [(i % SIDE) - x0, Math.floor(i / SIDE) - y0];
    const inside = Math.hypot(x, y) < 12 && (label === 0 || Math.floor(y / 3) % 2 === 0);
    return (inside ? 200 : 60) + ((i * 7919 + n * 104729) % 31);
  });
}

test("fine-tune: begins from a .pth, learns two classes of drawn pictures, writes ONNX", slow, async () => {
  const weights = smallResNet();
  write(folder, { "resnet34.pth": torchFile(weights) });
  for (const [label, name] of ["disc", "stripes"].entries()) {
    for (let n = 0; n < 40; n++) {
      const png = writePng({ width: SIDE, height: SIDE }, drawn(label, n));
      write(folder, { [`pictures/${name}/${String(n).padStart(2, "0")}.png`]: png });
    }
  }
  const args = [at("resnet34.pth"), at("pictures"), "--side", "64", "--epochs", "12", "--out", at("net.onnx")];
  const out = await printed("fine-tune/fine-tune.ts", ...args);
  expect(out).toContain("disc, stripes: 64 pictures to learn from, 16 held out");
  expect(out).toContain(`${weights.size - 2} tensors of ${at("resnet34.pth")} are taken; new are fc.weight, fc.bias`);
  const [right] = numbers(out, /^(\d+) of 16 held out are classified right$/gm);
  expect(right).toBeGreaterThanOrEqual(15);
  expect(readFileSync(at("net.onnx")).length).toBeGreaterThan(300_000);
});

test("mganet: trains both phases on pictures with masks, and all losses fall", slow, async () => {
  for (let n = 0; n < 48; n++) {
    const { grey, boxes, label, ...size } = phantomImage(1, n);
    const mask = Uint8Array.from({ length: size.width * size.height }, (_, i) => {
      const [x, y] = [(i % size.width) + 0.5, Math.floor(i / size.width) + 0.5];
      const within = boxes.some(({ x0, y0, x1, y1 }) => {
        return Math.hypot((2 * x - x0 - x1) / (x1 - x0), (2 * y - y0 - y1) / (y1 - y0)) <= 1;
      });
      return within ? 255 : 0;
    });
    const name = `nodules/${["benign", "malignant"][label]!}/${n}`;
    write(folder, { [`${name}.png`]: writePng(size, grey), [`${name}.mask.png`]: writePng(size, mask) });
  }
  const out = await printed("mganet/train.ts", at("nodules"), at("mganet.safetensors"));
  for (const pattern of [/^segmentation.*Dice loss ([\d.]+)$/gm, /^joint.*cross-entropy ([\d.]+)/gm]) {
    const losses = numbers(out, pattern);
    expect(losses).toHaveLength(5);
    expect(losses[4]).toBeLessThan(0.9 * losses[0]!);
  }
  const { tensors } = parseSafetensors(readFileSync(at("mganet.safetensors")), "mganet.safetensors");
  expect([...tensors.keys()]).toContain("segmenter.encoder.conv1.weight");
});

test("says what it is to be given", async () => {
  await expect(printed("mganet/predict.ts")).rejects.toThrow("name a checkpoint and a picture");
  expect(existsSync(at("undefined.svg"))).toBe(false);
});
