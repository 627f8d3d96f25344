/** A run's folder as a zip file, which the command line reads once it is unpacked. */
import { Zip, ZipDeflate, ZipPassThrough } from "fflate";
import { isOwnFile, type Store } from "../../src/runs/store.ts";
import { InputError } from "../../src/runs/store.ts";

/** What the format's plain form can hold. */
const MOST_BYTES = 2 ** 32 - 2 ** 20;

/**
 * @param folder the name of the only folder in it
 * @throws InputError for a run that is too large
 */
export async function zipped(store: Store, folder: string): Promise<Blob> {
  const parts: BlobPart[] = [];
  const failures: Error[] = [];
  const zip = new Zip((error, chunk) => {
    if (error) failures.push(error);
    parts.push(chunk);
  });
  let total = 0;
  for (const name of (await store.list()).filter((file) => !isOwnFile(file)).sort()) {
    const bytes = await store.read(name);
    total += bytes.length;
    if (total > MOST_BYTES)
      throw new InputError(`${store.name}: is larger than the 4 GiB of a zip file: save its checkpoint instead`);
    // Weights do not get smaller.
    const path = `${folder}/${name}`;
    const file = name.endsWith(".safetensors") ? new ZipPassThrough(path) : new ZipDeflate(path, { level: 6 });
    zip.add(file);
    file.push(bytes, true);
  }
  zip.end();
  if (failures[0]) throw failures[0];
  return new Blob(parts, { type: "application/zip" });
}
