/** An explained image for a report: image, activations and mask side by side, as one SVG. */
import { base64, pngText } from "../../src/data/pictures/png-text.ts";
import { greatest, heat, type Colours } from "../../src/explain/heat.ts";
import { NO_OUTLINE, outline } from "../../src/explain/outline.ts";
import type { ExplainedCase } from "../../src/report/run.ts";
import { svgText } from "../../src/report/svg-text.ts";
import type { Activations, ExplainedImage } from "../../src/runs/explain.ts";
import { explainedTexts, imageCaption, maskCaption } from "../../src/runs/explained-texts.ts";
import type { OpenModel } from "../../src/runs/open-model.ts";

const [SIDE, GAP, TOP] = [300, 10, 38];
const COLOURS = { paper: "#16181c", text: "#e6e6e6", dim: "#a9adb5", box: "#ffd23f", mask: "#5ad1e0" };

/** Over the part of the image that the network sees; both activations share a scale that ends at the greatest magnitude of either. */
export function explainedPanel(
  explained: ExplainedImage,
  by: Pick<Activations, "explanation" | "hasBase">,
  open: Pick<OpenModel, "classes" | "hasOutlines">,
): ExplainedCase {
  const { image, prediction, before, after } = explained;
  const { title, note, captions } = explainedTexts(explained, by, open);
  const { width, height, grey, boxes } = image;
  const whole = { x0: 0, y0: 0, x1: width, y1: height };
  const { mask } = prediction;
  const rings = mask && (open.hasOutlines ? outline(mask, width, height, whole) : NO_OUTLINE);
  const line = (rings?.rings ?? []).map(
    (ring) => `M${ring.map((point) => point.map((v) => v.toFixed(1)).join()).join("L")}Z`,
  );
  const path = (style: string) => `<path d="${line.join("")}" vector-effect="non-scaling-stroke" ${style}/>`;
  const most = greatest([...(before ? [before] : []), after]);
  const signed = by.explanation.method === "cam";
  const activation = (map: typeof after, caption: string) => ({
    caption,
    picture: colourText(heat(image, map, whole, { most, signed })),
    marks: path('fill="none" stroke="#ffffff" stroke-opacity="0.8" stroke-dasharray="4 3"'),
  });
  const plain = pngText(image, grey);
  const tiles = [
    {
      caption: imageCaption(boxes),
      picture: plain,
      marks: boxes
        .map(
          ({ x0, y0, x1, y1 }) =>
            `<rect x="${x0}" y="${y0}" width="${x1 - x0}" height="${y1 - y0}" fill="none" stroke="${COLOURS.box}" stroke-width="1.5" vector-effect="non-scaling-stroke"/>`,
        )
        .join(""),
    },
    ...(before ? [activation(before, captions.before)] : []),
    ...(rings
      ? [
          {
            caption: maskCaption(rings),
            picture: plain,
            marks: path(`fill="${COLOURS.mask}" fill-opacity="0.35" stroke="${COLOURS.mask}" stroke-width="1.5"`),
          },
        ]
      : []),
    activation(after, captions.after),
  ];
  const scale = SIDE / Math.max(width, height);
  const [wide, high] = [width * scale, height * scale];
  const drawn = tiles.map(({ caption, picture, marks }, i) => {
    const left = GAP + i * (wide + GAP);
    return `<svg x="${left}" y="${TOP}" width="${wide}" height="${high}" viewBox="0 0 ${width} ${height}"><image width="${width}" height="${height}" href="data:image/png;base64,${picture}"/>${marks}</svg>${svgText(caption, left, TOP + high + 17, { size: 12, colour: COLOURS.text })}`;
  });
  const [across, down] = [GAP + tiles.length * (wide + GAP), TOP + high + 66];
  const scaleText = `colours from ${signed ? shown(-most) : "0"} to ${shown(most)}`;
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${across}" height="${down}" viewBox="0 0 ${across} ${down}" font-family="sans-serif"><rect width="${across}" height="${down}" fill="${COLOURS.paper}"/>${svgText(title, GAP, 24, { size: 15, colour: COLOURS.text })}${drawn.join("")}${svgText(`${note}; ${scaleText}`, GAP, TOP + high + 46, { size: 11, colour: COLOURS.dim })}</svg>`;
  return { image: image.id, title, picture: `data:image/svg+xml;base64,${base64(new TextEncoder().encode(svg))}` };
}

const colourText = ({ width, height, data }: Colours): string => pngText({ width, height }, data);

const shown = (value: number): string => Number(value.toPrecision(2)).toString();
