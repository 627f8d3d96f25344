/**
 * Trains the model that comes with the page, on synthetic images, and writes it in half precision:
 * `npm run app:model`. The same version on the same device gives the same file.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { compactCheckpoint } from "../src/train/compact.ts";

const at = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

const MOST_BYTES = 1_500_000;
const SETTINGS = {
  data: "phantom",
  "phantom-images": 2400,
  width: 0.125,
  size: 96,
  batch: 16,
  "seg-epochs": 6,
  "joint-epochs": 12,
  schedule: "cosine",
};

const folder = mkdtempSync(path.join(tmpdir(), "mganet-model-"));
try {
  const run = path.join(folder, "run");
  const options = Object.entries(SETTINGS).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const { status } = spawnSync(process.execPath, [at("../bin/mganet.mjs"), "train", ...options, "--out", run], {
    stdio: "inherit",
  });
  if (status !== 0) throw new Error(`the training ended with ${status}`);
  const file = path.join(run, "best.safetensors");
  const bytes = compactCheckpoint(readFileSync(file), file);
  if (bytes.length > MOST_BYTES) throw new Error(`the model takes ${bytes.length} bytes, more than ${MOST_BYTES}`);
  writeFileSync(at("./public/model.safetensors"), bytes);
  console.log(`app/public/model.safetensors: ${bytes.length} bytes`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
