/** Runs of earlier versions evaluate to the same metrics and resume to the same weights. */
import { createHash } from "node:crypto";
import { cpSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, test } from "vitest";
import { parseSafetensors } from "../../src/data/safetensors.ts";
import { openGpu } from "../../src/node/open-gpu.ts";
import type { EpochRecord } from "../../src/train/training.ts";
import { withoutTimes } from "../train/support.ts";
import { mganet, temporaryFolder } from "./support.ts";

interface Expected {
  adapter: string;
  evaluated: {
    metrics: { confusion: unknown; figures: Record<string, { value: number | null; interval?: unknown }> };
    images: { image: string; label: number; malignant: number; dice: number; outlineDice?: number }[];
  };
  resumed: {
    position: unknown;
    records: Partial<EpochRecord>[];
    sha256: string;
    tensors: Record<string, [number, number]>;
  };
}

const original = fileURLToPath(new URL("../cases/runs/198c538", import.meta.url));
const read = (file: string) => readFileSync(file, "utf8");
const expected = JSON.parse(read(path.join(original, "expected.json"))) as Expected;
const dir = temporaryFolder();
const at = (name: string) => path.join(dir, name);

/** Whether the adapter is the one that the files were computed on. */
let same: boolean;
beforeAll(async () => {
  const gpu = await openGpu();
  same = gpu.name === expected.adapter;
  gpu.destroy();
  for (const name of ["run", "resumed"]) cpSync(original, at(name), { recursive: true });
});

const close = (actual: number, wanted: number, scale = Math.abs(wanted)) =>
  expect(Math.abs(actual - wanted)).toBeLessThanOrEqual(1e-5 * scale);

describe("a run of commit 198c538", () => {
  test("evaluates to the same figures", async () => {
    const { code, err } = await mganet("evaluate", at("run"), "--checkpoint", "last", "--json", at("found.json"));
    expect([code, err]).toEqual([0, []]);
    const { metrics, images } = JSON.parse(read(at("found.json"))) as Expected["evaluated"];
    const wanted = expected.evaluated;
    expect(images.map(({ image, label }) => [image, label])).toEqual(
      wanted.images.map(({ image, label }) => [image, label]),
    );
    for (const [i, { malignant, dice }] of wanted.images.entries()) {
      close(images[i]!.malignant, malignant);
      close(images[i]!.dice, dice, 1);
    }
    expect(metrics.confusion).toEqual(wanted.metrics.confusion);
    for (const [name, { value }] of Object.entries(wanted.metrics.figures))
      close(metrics.figures[name]!.value!, value!);
    if (!same) return;
    // Since then, outlines are known too.
    expect(images.map(({ outlineDice, ...image }) => [outlineDice, image])).toEqual(
      wanted.images.map((image) => [0, image]),
    );
    const { outlineDice, ...figures } = metrics.figures;
    expect([outlineDice?.value, figures]).toEqual([0, wanted.metrics.figures]);
  });

  test("resumes within its epoch to the same weights, and on the same adapter to the same bits", async () => {
    const { code, out, err } = await mganet("train", "--resume", at("resumed"));
    expect([code, err]).toEqual([0, []]);
    expect(out[0]).toMatch(
      /^Resuming quick: MGA-Net, parallel fusion, width 0\.0625; 32×32, batch 4, 1 \+ 3 epochs; on /,
    );
    const { position, records, sha256, tensors: digests } = expected.resumed;
    const { metadata, tensors } = parseSafetensors(readFileSync(at("resumed/last.safetensors")), "last.safetensors");
    expect(JSON.parse(metadata["position"]!)).toEqual(position);
    const model = [...tensors].filter(([name]) => name.startsWith("model."));
    expect(model.map(([name]) => name).sort()).toEqual(Object.keys(digests));
    for (const [name, { data }] of model) {
      const [norm, along] = digests[name]!;
      const values = Array.from(data as Float32Array);
      close(Math.hypot(...values), norm);
      close(
        values.reduce((sum, v, i) => sum + v * Math.cos(i), 0),
        along,
        norm,
      );
    }
    const lines = read(at("resumed/metrics.jsonl")).trimEnd().split("\n");
    const found = lines.map((line) => withoutTimes(JSON.parse(line) as EpochRecord));
    expect(found.map(({ stage, epoch, step }) => [stage, epoch, step])).toEqual(
      records.map(({ stage, epoch, step }) => [stage, epoch, step]),
    );
    for (const [i, { loss }] of records.entries()) close(found[i]!.loss!, loss!);
    if (!same) return;
    const hash = createHash("sha256");
    for (const name of [...tensors.keys()].sort()) {
      const { buffer, byteOffset, byteLength } = tensors.get(name)!.data;
      hash.update(new Uint8Array(buffer, byteOffset, byteLength));
    }
    expect(hash.digest("hex")).toBe(sha256);
    // Since then, records have Dice with the true outlines too.
    for (const { validation } of found) delete validation?.outlineDice;
    expect(found).toEqual(records);
  });
});
