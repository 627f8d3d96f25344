/** Worker thread of ./prepare.ts: one image a task. */
import type { CropMethod } from "./crop.ts";
import { cropAndResize, type Cropped } from "./prepare-image.ts";
import { serve } from "./worker-serve.ts";

export interface PrepareInit {
  crop: CropMethod;
  /** Where the grey levels go: shared memory, one slot of width × height bytes an image. Absent: rectangles only. */
  out?: { width: number; height: number; greys: SharedArrayBuffer };
}

export interface PrepareTask {
  file: string;
  slot: number;
}

serve<PrepareInit, PrepareTask, Cropped>(({ crop, out }) => async ({ file, slot }) => {
  const { grey, ...cropped } = await cropAndResize(file, crop, out);
  if (out && grey) new Uint8Array(out.greys).set(grey, slot * out.width * out.height);
  return cropped;
});
