/** `mganet export` writes a model with its card, and refuses what it cannot write. */
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { beforeAll, expect, test } from "vitest";
import { start } from "../../src/train/checkpoint.ts";
import { onnxSession } from "../support/onnx.ts";
import { checkpointBytes, expectRefused, mganet, temporaryFolder, tinyConfig, write } from "./support.ts";

const dir = temporaryFolder();
const at = (name: string) => path.join(dir, name);
const of = (run: string, format: string, out: string, ...more: string[]) => [
  ...["export", "--run", at(run), "--format", format, "--out", at(out), ...more],
];

const predictions = {
  format: "mganet-predictions-1",
  checkpoint: "best.safetensors",
  ...{ data: "clinic|A", on: "val", threshold: 0.4 },
  images: Array.from({ length: 20 }, (_, i) => ({
    ...{
      image: `${i}`,
      patient: null,
      label: i % 2,
      malignant: (i % 2 ? 0.7 : 0.3) + (i % 5 === 0 ? 0.3 : 0) - (i === 7 ? 0.5 : 0),
    },
    ...{ dice: 0.5, iou: 0.4 },
  })),
};

beforeAll(async () => {
  const [bytes, early] = [await checkpointBytes(), await checkpointBytes(tinyConfig, { ...start, stage: 1, step: 8 })];
  const config = JSON.stringify(tinyConfig);
  write(dir, {
    "run/config.json": config,
    "run/best.safetensors": bytes,
    "run/predictions.json": JSON.stringify(predictions),
    "unevaluated/config.json": config,
    "unevaluated/last.safetensors": bytes,
    "early/config.json": config,
    "early/last.safetensors": early,
    "untrained/last.safetensors": await checkpointBytes(tinyConfig, start),
    "loose.safetensors": bytes,
    "empty/note.txt": "",
  });
});

test("a run becomes a model with its card, whose figures are the run's", async () => {
  const ended = await mganet(...of("run", "onnx", "out/model.onnx", "--with-preprocessing", "--fold"));
  expect([ended.code, ended.err]).toEqual([0, []]);
  expect(ended.out.map((line) => path.basename(line.split("  ")[0]!))).toEqual([
    "model.onnx",
    "model.onnx.card.json",
    "model.onnx.card.md",
  ]);
  const session = await onnxSession(readFileSync(at("out/model.onnx")));
  const grey = new Uint8Array(3 * 32 * 32).fill(100);
  const { probabilities } = await session.runAll({ grey: { shape: [3, 1, 32, 32], data: grey } });
  expect(probabilities!.data[0]! + probabilities!.data[1]!).toBeCloseTo(1, 5);
  await session.release();
  const card = JSON.parse(readFileSync(at("out/model.onnx.card.json"), "utf8")) as Record<string, never>;
  expect(card).toMatchObject({
    ...{ format: "mganet-card-1", file: "model.onnx", data: { name: "clinic|A", synthetic: true } },
    model: {
      classes: ["benign", "malignant"],
      threshold: 0.4,
      size: [32, 32],
      outputs: ["logits", "probabilities", "mask"],
    },
    evaluations: [{ on: "val", summary: { images: 20, figures: { accuracy: { value: 0.85 } } } }],
  });
  const markdown = readFileSync(at("out/model.onnx.card.md"), "utf8");
  expect(markdown).toMatch(/\| Accuracy \| 0\.850 \| 0\.\d{3} to 1?0?\.\d{3} \|/);
  expect(markdown).toContain("clinic\\|A");
  expect(markdown).toContain("Not a medical device");
});

test("what a model has not learned is left out, and said", async () => {
  const early = await mganet(...of("early", "onnx", "early"));
  expect(early.out).toContain(
    "The classifier of this checkpoint has not been trained yet: the model gives the mask alone.",
  );
  const session = await onnxSession(readFileSync(at("early.onnx")));
  expect(session.outputs).toEqual(["mask"]);
  await session.release();
  const unevaluated = await mganet(...of("unevaluated", "pytorch", "unevaluated"));
  expect(unevaluated.out).toContain("This model has not been evaluated: its card has no figures.");
  expect(readFileSync(at("unevaluated.safetensors.card.md"), "utf8")).toContain("This model has not been evaluated.");
  const loose = await mganet(...of("loose.safetensors", "pytorch", "loose-out", "--precision", "f16"));
  expect(loose.out[0]).toBe("The checkpoint lies outside of its run's folder, which its card would describe.");
});

test("what exists stays, unless --force is given", async () => {
  write(dir, { "kept.onnx.card.md": "mine" });
  await expectRefused(of("run", "onnx", "kept"), "kept.onnx.card.md: exists already; choose another --out, or --force");
  expect(existsSync(at("kept.onnx"))).toBe(false);
  expect((await mganet(...of("run", "onnx", "kept", "--force"))).code).toBe(0);
  const card = readFileSync(at("kept.onnx.card.md"), "utf8");
  expect(card).not.toBe("mine");
  // The other format's card is a file of its own.
  expect((await mganet(...of("run", "pytorch", "kept"))).code).toBe(0);
  expect(readFileSync(at("kept.onnx.card.md"), "utf8")).toBe(card);
});

test("what makes no sense is refused in one line", async () => {
  await expectRefused(of("nowhere", "onnx", "x"), "nowhere: no such file or folder");
  await expectRefused(of("empty", "onnx", "x"), "there is no checkpoint best.safetensors or last.safetensors");
  await expectRefused(of("untrained", "onnx", "x"), "last.safetensors: nothing has been trained in it yet");
  await expectRefused(of("run", "coreml", "x"), "Allowed choices are onnx, pytorch");
  await expectRefused(of("run", "pytorch", "x", "--fold"), "--fold has no effect with --format pytorch");
  await expectRefused(of("run", "onnx", "x.safetensors"), "ends in .safetensors, but --format onnx writes .onnx");
  expect(existsSync(at("x.onnx"))).toBe(false);
});
