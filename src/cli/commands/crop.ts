/** `mganet crop`: finds the tissue rectangle of every image in a folder. */
import { cropRectangles } from "../../node/data/prepare.ts";
import { requireWritableFile, writeWhole } from "../../node/files.ts";
import { Progress } from "../progress.ts";
import { visibleName } from "../terminal.ts";

export interface CropOptions {
  method: "adaptive" | "fixed";
  json: string;
}

export async function crop(dir: string, { method, json }: CropOptions): Promise<void> {
  await requireWritableFile(json);
  const progress = new Progress();
  let started = false;
  let skipped = 0;
  try {
    const rectangles = await cropRectangles(dir, {
      method,
      onProgress(done, total) {
        if (!started) progress.start("cropping", total);
        started = true;
        progress.update(done);
      },
      onSkip({ file, reason }) {
        skipped++;
        progress.line(visibleName(`left out: ${file}: ${reason}`));
      },
    });
    await writeWhole(json, `${JSON.stringify(rectangles)}\n`);
    progress.stop();
    const left = skipped > 0 ? `, ${skipped} left out` : "";
    console.log(`${Object.keys(rectangles).length} rectangles${left}; written to ${json}`);
  } finally {
    progress.stop();
  }
}
