/** Pictures of classes, one folder a class, as a network for images [N, H, W, 3] takes them. */
import { readdir } from "node:fs/promises";
import path from "node:path";
import { imageOf } from "mganet-webgpu/models";
import { readPicture } from "mganet-webgpu/node";
import { shuffled, uniform } from "../random.ts";

export interface Example {
  /** [H, W, 3]. */
  readonly image: Float32Array;
  /** Index of its class. */
  readonly label: number;
}

/**
 * Reads `folder/CLASS/*`, every picture whole.
 * @param side height and width that they are resized to
 */
export async function readClasses(folder: string, side: number) {
  const entries = await readdir(folder, { withFileTypes: true });
  const classes = entries.flatMap((entry) => (entry.isDirectory() ? [entry.name] : [])).sort();
  if (classes.length < 2) throw new Error(`${folder}: expected a folder for each of two classes or more`);
  const examples: Example[] = [];
  for (const [label, name] of classes.entries()) {
    for (const file of (await readdir(path.join(folder, name))).sort()) {
      const picture = await readPicture(path.join(folder, name, file));
      examples.push({ image: imageOf(picture, { size: [side, side], crop: "none" }).image, label });
    }
  }
  return { classes, examples };
}

/** Examples in batches, in an order of the seed's. */
export function* batches(examples: readonly Example[], size: number, seed: number) {
  const order = shuffled(examples.length, uniform(seed));
  for (let from = 0; from < order.length; from += size) {
    const some = order.slice(from, from + size).map((i) => examples[i]!);
    yield { image: joined(some), label: Uint32Array.from(some, ({ label }) => label) };
  }
}

/** Their images one after another, [N, H, W, 3]. */
export function joined(examples: readonly Example[]): Float32Array {
  const all = new Float32Array(examples.reduce((sum, { image }) => sum + image.length, 0));
  let at = 0;
  for (const { image } of examples) {
    all.set(image, at);
    at += image.length;
  }
  return all;
}
