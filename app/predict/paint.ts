/** Draws a picture with what a model says of it, in pixels of the whole picture. */
import { heatLayer, type Grid } from "../../src/explain/heat.ts";
import type { Box } from "../../src/data/sample.ts";
import type { PredictedImage } from "../worker/predict.ts";

export interface Scene {
  readonly bitmap: ImageBitmap;
  readonly image: Pick<PredictedImage, "width" | "height" | "crop" | "found">;
  /** What experts drew. */
  readonly truth: readonly Box[];
  /** Whether the positive class is predicted: the outline is then drawn in the warning colour. */
  readonly alarming: boolean;
  readonly shown: Shown;
  readonly map: { readonly layer: CanvasImageSource; readonly opacity: number } | undefined;
}

/** Which parts are drawn. */
export interface Shown {
  readonly outline: boolean;
  readonly box: boolean;
  readonly truth: boolean;
}

/** Of reports and of the command line's pictures. */
const ALARM = "#ff5a4f";
const CALM = "#4fd18b";
const TRUTH = "#ffe14d";

type Context = CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D;

export function paint(context: Context, { bitmap, image, truth, alarming, shown, map }: Scene): void {
  const { width, height, crop, found } = image;
  context.clearRect(0, 0, width, height);
  context.drawImage(bitmap, 0, 0, width, height);
  if (map) {
    context.globalAlpha = map.opacity;
    context.drawImage(map.layer, crop.x0, crop.y0, crop.x1 - crop.x0, crop.y1 - crop.y0);
    context.globalAlpha = 1;
  }
  const unit = unitOf(image);
  context.setLineDash([]);
  if (shown.truth) {
    context.lineWidth = 1.3 * unit;
    context.strokeStyle = TRUTH;
    for (const box of truth) strokeBox(context, box);
  }
  context.strokeStyle = context.fillStyle = alarming ? ALARM : CALM;
  if (shown.outline && found) {
    const path = outlinePath(found.rings);
    context.lineWidth = 1.6 * unit;
    context.globalAlpha = 0.07;
    context.fill(path, "evenodd");
    context.globalAlpha = 1;
    context.stroke(path);
  }
  if (shown.box && found?.box) {
    context.lineWidth = unit;
    context.setLineDash([4 * unit, 3 * unit]);
    strokeBox(context, found.box);
    context.setLineDash([]);
  }
}

/** A line's width that is seen in a large picture as in a small one. */
const unitOf = ({ width, height }: { width: number; height: number }): number =>
  Math.max(1, Math.min(width, height) / 300);

const strokeBox = (context: Context, { x0, y0, x1, y1 }: Box) => context.strokeRect(x0, y0, x1 - x0, y1 - y0);

function outlinePath(rings: readonly Float32Array[]): Path2D {
  const path = new Path2D();
  for (const ring of rings) {
    path.moveTo(ring[0]!, ring[1]!);
    for (let i = 2; i < ring.length; i += 2) path.lineTo(ring[i]!, ring[i + 1]!);
    path.closePath();
  }
  return path;
}

/** A map is smooth: more pixels than these show nothing more. */
const MOST_LAYER_PIXELS = 600_000;

/** A map's colours, as large as the crop. @param most the value at the end of the scale */
export function layerOf(grid: Grid, crop: Box, scale: { most: number; signed: boolean }): OffscreenCanvas {
  const [w, h] = [crop.x1 - crop.x0, crop.y1 - crop.y0];
  const shrink = Math.min(1, Math.sqrt(MOST_LAYER_PIXELS / (w * h)));
  const size = { width: Math.max(1, Math.round(w * shrink)), height: Math.max(1, Math.round(h * shrink)) };
  const layer = new OffscreenCanvas(size.width, size.height);
  layer.getContext("2d")!.putImageData(new ImageData(heatLayer(grid, size, scale), size.width, size.height), 0, 0);
  return layer;
}

/** The scene as a PNG in the picture's own resolution, with lines of text on a strip below it. */
export async function toPng(scene: Scene, lines: readonly string[]): Promise<Blob> {
  const { width, height } = scene.image;
  const font = Math.round(13 * unitOf(scene.image));
  const measure = new OffscreenCanvas(1, 1).getContext("2d")!;
  const face = `${font}px "DejaVu Sans", Arial, sans-serif`;
  measure.font = face;
  const text = lines.flatMap((line) => wrapped(line, width - font, (part) => measure.measureText(part).width));
  const pitch = Math.round(1.35 * font);
  const canvas = new OffscreenCanvas(width, height + pitch * text.length + font);
  const context = canvas.getContext("2d")!;
  paint(context, scene);
  context.fillStyle = "#0b0d10";
  context.fillRect(0, height, width, canvas.height - height);
  context.fillStyle = "#e7eaee";
  context.font = face;
  context.textBaseline = "top";
  for (const [i, line] of text.entries()) context.fillText(line, font / 2, height + font / 2 + i * pitch);
  return canvas.convertToBlob({ type: "image/png" });
}

/** A text in lines that fit; a word that does not fit alone is cut. @param widthOf in pixels */
export function wrapped(text: string, width: number, widthOf: (part: string) => number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    const longer = line === "" ? word : `${line} ${word}`;
    if (widthOf(longer) <= width) {
      line = longer;
      continue;
    }
    if (line !== "") lines.push(line);
    line = "";
    for (const character of word) {
      if (line !== "" && widthOf(line + character) > width) {
        lines.push(line);
        line = "";
      }
      line += character;
    }
  }
  return line === "" ? lines : [...lines, line];
}
