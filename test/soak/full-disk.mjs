// To be loaded before a program (`node --import`): large files come to half of their size, then the disk is full. A limit on file
// sizes (`ulimit -f`) would also stop the software driver, which shares memory by files.
import { open } from "node:fs/promises";
import { fileURLToPath } from "node:url";

const handle = await open(fileURLToPath(import.meta.url));
const prototype = Object.getPrototypeOf(handle);
await handle.close();
const { writeFile } = prototype;
prototype.writeFile = async function (/** @type {Uint8Array | string} */ content, /** @type {unknown[]} */ ...rest) {
  if (content.length < 100_000) return writeFile.call(this, content, ...rest);
  await writeFile.call(this, content.slice(0, content.length / 2));
  throw Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
};
