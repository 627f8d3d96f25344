/** Runs commands within the test's process, and makes the run folders they work on. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, expect, vi } from "vitest";
import { run } from "../../src/cli/program.ts";
import { parseSafetensors, serializeSafetensors } from "../../src/data/safetensors.ts";
import { openGpu } from "../../src/node/open-gpu.ts";
import { start, writeCheckpoint, type Position } from "../../src/train/checkpoint.ts";
import { buildModel } from "../../src/train/build.ts";
import type { TrainConfig } from "../../src/train/config.ts";
import { mganetConfig } from "../support/mganet.ts";

/** A folder that is gone after the file's tests. Its name is not ASCII, as a user's may be. */
export function temporaryFolder(): string {
  const dir = mkdtempSync(path.join(tmpdir(), "mganet-écran-"));
  afterAll(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

export interface Ended {
  code: number;
  /** Lines of standard output. */
  out: string[];
  /** Lines of standard error. */
  err: string[];
}

/** Runs a command and returns what it has printed. */
export async function mganet(...args: string[]): Promise<Ended> {
  const lines = { log: [] as string[], error: [] as string[] };
  const spies = (["log", "error"] as const).map((kind) =>
    vi.spyOn(console, kind).mockImplementation((...values: unknown[]) => {
      lines[kind].push(...values.map(String).join(" ").split("\n"));
    }),
  );
  try {
    const code = await run(args);
    return { code, out: lines.log, err: lines.error };
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
}

/** Expects a command to end as bad input must: exit code 2, one line that begins with "Error: " and matches, no stack. */
export async function expectRefused(args: readonly string[], reason: string | RegExp): Promise<Ended> {
  const ended = await mganet(...args);
  expect(ended.err.join("\n"), `mganet ${args.join(" ")}`).toMatch(reason);
  expect(ended.err).toEqual([expect.stringMatching(/^Error: /)]);
  expect(ended.code).toBe(2);
  return ended;
}

/** The smallest training that has all parts: seconds on two cores. */
export const tiny: readonly string[] = [
  ...["--width", "0.0625", "--size", "32", "--batch", "4", "--phantom-images", "40"],
  ...["--seg-epochs", "1", "--joint-epochs", "2", "--crop", "none"],
];

export const tinyConfig = mganetConfig({
  width: 1 / 16,
  size: [32, 32],
  batch: 4,
  phantomImages: 40,
  epochs: { segmentation: 1, joint: 2 },
  crop: "none",
});

export const finished: Position = { ...start, stage: 2, step: 21 };

/** A checkpoint of an untrained model. */
export async function checkpointBytes(config: TrainConfig = tinyConfig, position: Position = finished) {
  const gpu = await openGpu();
  try {
    return await writeCheckpoint(gpu, buildModel(config).net, undefined, { config, position, best: undefined });
  } finally {
    gpu.destroy();
  }
}

/** A checkpoint of an untrained network, whose activations are kept from growing from block to block, and which outlines something. */
export async function tamedCheckpoint(): Promise<Uint8Array> {
  const config = mganetConfig({ width: 1 / 16, size: [64, 64], batch: 4, resize: "pillow" });
  const { metadata, tensors } = parseSafetensors(await checkpointBytes(config), "checkpoint");
  for (const [name, { data }] of tensors) {
    const values = data as Float32Array;
    if (name.endsWith(".bn2.weight")) values.fill(0.2);
    if (name === "model.fc.weight") values.forEach((value, i) => (values[i] = value / 10));
    // The mask crosses one half.
    if (name === "model.segmenter.head.bias") values.fill(0);
  }
  return serializeSafetensors(tensors, metadata);
}

/** Writes files below a folder: path -> content. */
export function write(folder: string, files: Record<string, string | Uint8Array>): void {
  for (const [name, content] of Object.entries(files)) {
    const file = path.join(folder, name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, content);
  }
}
