/** Shared memory for the pixels of a data set's images, grey levels and outlines, which worker threads fill and read. */
import { totalmem } from "node:os";
import { DataError } from "../../data/sample.ts";
import { formatBytes } from "../../gpu/gpu.ts";

/** Slots of `width` × `height` bytes. @throws DataError if this machine has too little memory */
export function sharedGreys(count: number, width: number, height: number): SharedArrayBuffer {
  const bytes = count * width * height;
  const tooMuch = () =>
    new DataError(
      `${count} images of ${height}x${width} take ${formatBytes(bytes)} of memory, which this machine does not have: ` +
        "use a smaller size, or fewer images",
    );
  if (bytes > totalmem()) throw tooMuch();
  try {
    return new SharedArrayBuffer(bytes);
  } catch {
    throw tooMuch();
  }
}
