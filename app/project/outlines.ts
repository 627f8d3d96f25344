/**
 * The true outlines of a project's images, in a file of their own: `outlines.safetensors`. A tensor is one part of an image's
 * shape: F32 [runs, 4] for the pixels of a mask, F64 [points, 2] for a polygon. So nothing is lost, and a list of images is read
 * without them.
 */
import { parseSafetensors, type SafeTensor, serializeSafetensors } from "../../src/data/safetensors.ts";
import { DataError, type Part, type Shape } from "../../src/data/sample.ts";
import { InputError, type Store } from "../../src/runs/store.ts";

const FILE = "outlines.safetensors";

/** By `ProjectImage.file`. */
export type Outlines = ReadonlyMap<string, Shape>;

/** @throws InputError, as where the storage is full */
export async function writeOutlines(store: Store, outlines: Outlines): Promise<void> {
  const tensors = [...outlines].flatMap(([file, shape]) =>
    shape.map((part, i): [string, SafeTensor] => [`${i} ${file}`, tensorOf(part)]),
  );
  if (tensors.length > 0) await store.write(FILE, serializeSafetensors(tensors));
}

/** None where the project has no such file. @throws DataError, InputError for one that cannot be read */
export async function readOutlines(store: Store): Promise<Outlines> {
  const outlines = new Map<string, Part[]>();
  if (!(await store.exists(FILE))) return outlines;
  for (const [name, tensor] of parsed(await store.read(FILE), store.path(FILE))) {
    const file = name.slice(name.indexOf(" ") + 1);
    const part = partOf(tensor);
    if (!part) throw new DataError(`${store.path(FILE)}: ${name} is no outline`);
    outlines.set(file, [...(outlines.get(file) ?? []), part]);
  }
  return outlines;
}

function parsed(bytes: Uint8Array, name: string): ReadonlyMap<string, SafeTensor> {
  try {
    return parseSafetensors(bytes, name).tensors;
  } catch (error) {
    throw new InputError((error as Error).message);
  }
}

const tensorOf = (part: Part): SafeTensor =>
  "runs" in part
    ? { dtype: "F32", shape: [part.runs.length / 4, 4], data: part.runs }
    : {
        ...{ dtype: "F64", shape: [part.polygon.length, 2] },
        data: Float64Array.from(part.polygon.flatMap(({ x, y }) => [x, y])),
      };

function partOf({ dtype, shape, data }: SafeTensor): Part | undefined {
  if (!data.every((value) => Number.isFinite(value))) return undefined;
  if (dtype === "F32" && shape.length === 2 && shape[1] === 4) return { runs: data };
  if (dtype !== "F64" || shape.length !== 2 || shape[1] !== 2) return undefined;
  const [points = 0] = shape;
  return { polygon: Array.from({ length: points }, (_, i) => ({ x: data[2 * i]!, y: data[2 * i + 1]! })) };
}
