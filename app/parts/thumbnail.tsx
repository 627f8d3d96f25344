/** A small picture with its boxes. */
import { useLayoutEffect, useRef } from "preact/hooks";
import type { ProjectImage } from "../project/project.ts";
import { thumbnail } from "../state/thumbnails.ts";

export function Thumbnail({ project, index, image }: { project: string; index: number; image: ProjectImage }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const made = thumbnail(project, index).value;
  useLayoutEffect(() => {
    if (!(made instanceof ImageBitmap)) return;
    const { width, height } = made;
    Object.assign(canvas.current!, { width, height });
    const context = canvas.current!.getContext("2d")!;
    context.drawImage(made, 0, 0);
    context.strokeStyle = "#ffe14d";
    context.lineWidth = 2;
    const [sx, sy] = [width / image.width, height / image.height];
    for (const { x0, y0, x1, y1 } of image.boxes) context.strokeRect(x0 * sx, y0 * sy, (x1 - x0) * sx, (y1 - y0) * sy);
  }, [made, image]);
  return (
    <div class="thumbnail">
      {made === "failed" ? (
        <span>cannot be shown</span>
      ) : (
        <canvas ref={canvas} width={1} height={1} aria-hidden="true" />
      )}
    </div>
  );
}
