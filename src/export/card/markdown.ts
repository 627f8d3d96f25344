/** A model card as Markdown. */
import { classFigureNames, overallFigureNames } from "../../metrics/multiclass.ts";
import { figureNames, type Figure } from "../../metrics/summary.ts";
import {
  classFigureTitles,
  figureTitles,
  overallTitles,
  plural,
  rangeText,
  sideTitles,
  valueText,
} from "../../report/show.ts";
import { maskSources, type CardEvaluation, type ExportSettings, type ModelCard } from "./card.ts";

export function cardMarkdown(card: ModelCard): string {
  const { file, model, training, data, preprocessing, evaluations, intendedUse, limits, producer } = card;
  const [h, w] = model.size;
  const [epochs, best] = [Object.entries(training.epochs), training.bestEpoch];
  const { split } = data;
  return [
    `# ${text(file)}`,
    `${text(model.title)}, ${text(model.settings)}: ${model.classes.length} classes, ${model.parameters.toLocaleString("en")} parameters, images of ${h}×${w}. Written by ${producer.name} ${producer.version}.`,
    "## Intended use",
    list(intendedUse),
    "## Limits",
    list(limits),
    "## Model",
    table(
      ["", ""],
      [
        ["classes", model.classes.map((name) => text(name)).join(", ")],
        ["positive class", text(model.positive)],
        ...(model.classes.length === 2 ? [["threshold", String(model.threshold)]] : []),
        ["outputs", model.outputs.join(", ")],
        ["written as", writtenAs(card.export)],
        ["preset", training.preset],
        ["epochs", epochs.map(([phase, count]) => `${phase} ${count}`).join(", ")],
        [
          "checkpoint",
          text(training.checkpoint) + (best ? `, best of the run: ${best.stage} epoch ${best.epoch}` : ""),
        ],
        ["initial weights", training.init === null ? `drawn at random, seed ${training.seed}` : text(training.init)],
      ],
    ),
    "## Input",
    list(preprocessing),
    "## Data",
    table(
      ["", ""],
      [
        ["data set", text(data.name) + (data.synthetic ? " (synthetic images)" : "")],
        ["split", split ? text(split.how) : "not known"],
        ["trained on", split ? plural(split.train, "image") : "not known"],
        [
          "held out",
          split
            ? `${plural(split.val, "image")} for validation, ${plural(split.test, "image")} for the test`
            : "not known",
        ],
        ["target", data.target === "tirads" ? "TI-RADS grade" : data.target],
        ["crop", data.crop],
        ["masks learned from", data.masks === null ? "none learned" : (maskSources[data.masks] ?? data.masks)],
      ],
    ),
    "## Figures",
    ...(evaluations.length === 0 ? ["This model has not been evaluated."] : evaluations.flatMap(figuresOf)),
  ]
    .join("\n\n")
    .concat("\n");
}

function figuresOf({ on, data, summary }: CardEvaluation): string[] {
  const { images, patients, figures, multiclass, classified, threshold } = summary;
  const drawn =
    patients === null ? plural(images, "image") : `${plural(images, "image")} of ${plural(patients, "patient")}`;
  const row = (title: string, figure: Figure) => [title, valueText(figure), text(rangeText(figure))];
  // What could not be computed says why; masks are left out where there are none.
  const isMask = (name: string) => ["dice", "iou", "outlineDice"].includes(name);
  const own = figureNames.filter((name) => figures[name].value !== null || (classified > 0 && !isMask(name)));
  const rows = [
    ...(multiclass ? overallFigureNames.map((name) => row(overallTitles[name], multiclass.figures[name])) : []),
    ...own.filter((name) => !multiclass || isMask(name)).map((name) => row(figureTitles[name], figures[name])),
  ];
  const byClass = multiclass?.byClass.map((of) => [
    ...[text(of.name), String(of.images)],
    ...classFigureNames.map((name) => valueText(of[name])),
  ]);
  const at = multiclass || classified === 0 ? "" : `, threshold ${threshold}`;
  return [
    `### ${sideTitles[on]}: ${text(data)}`,
    `${drawn}${at}; 95 % intervals by bootstrap over ${patients === null ? "images" : "patients"}.`,
    table(["", "value", "interval"], rows),
    ...(byClass
      ? [table(["class", "images", ...classFigureNames.map((name) => classFigureTitles[name])], byClass)]
      : []),
  ];
}

function writtenAs({ format, precision, folded, withPreprocessing }: ExportSettings): string {
  const halves =
    format === "onnx" ? "weights and activations in half precision (f16)" : "weights in half precision (f16)";
  return [
    format === "onnx" ? "ONNX" : "PyTorch's state dict (safetensors)",
    precision === "f16" ? halves : "single precision (f32)",
    ...(folded ? ["batch normalisations folded into convolutions"] : []),
    ...(withPreprocessing ? ["normalisation of the image included"] : []),
  ].join(", ");
}

/** Names from outside as plain text: no markup, one line. */
const text = (value: string): string => value.replace(/\s+/g, " ").replace(/[\\`*_{}[\]<>|#]/g, "\\$&");

const list = (lines: readonly string[]): string => lines.map((line) => `- ${text(line)}`).join("\n");

const table = (heads: readonly string[], rows: readonly (readonly string[])[]): string =>
  [heads, heads.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
