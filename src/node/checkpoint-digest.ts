/** Tells checkpoints apart by what they predict, wherever their files lie. */
import { createHash } from "node:crypto";
import type { Checkpoint } from "../train/checkpoint.ts";

/** The same for the same settings and weights. */
export function checkpointDigest({ config, model }: Pick<Checkpoint, "config" | "model">): string {
  const hash = createHash("sha256").update(JSON.stringify(config));
  for (const [name, { shape, data }] of [...model].sort(([a], [b]) => (a < b ? -1 : 1))) {
    hash.update(`\n${name} ${shape.join("x")}\n`);
    hash.update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
  return hash.digest("hex");
}
