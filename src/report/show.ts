/** Formats numbers and names for reports and the command line. */
import type { EvaluatedSide } from "../metrics/predictions.ts";
import type { Figure, FigureName } from "../metrics/summary.ts";
import type { ClassFigureName, OverallFigureName } from "../metrics/multiclass.ts";
import type { Mean } from "../study/results.ts";
import { specOf, type TrainConfig } from "../train/config.ts";

export const figureTitles: Readonly<Record<FigureName, string>> = {
  accuracy: "Accuracy",
  auc: "AUC",
  f1: "F1",
  sensitivity: "Sensitivity",
  specificity: "Specificity",
  ppv: "PPV (precision)",
  npv: "NPV",
  averagePrecision: "Average precision",
  brier: "Brier score",
  calibrationError: "Expected calibration error",
  dice: "Dice of the mask",
  iou: "IoU of the mask",
  outlineDice: "Dice (outline)",
};

export const overallTitles: Readonly<Record<OverallFigureName, string>> = {
  accuracy: "Accuracy",
  macroF1: "Macro F1",
  weightedF1: "Weighted F1",
  macroAuc: "Macro AUC",
  macroAveragePrecision: "Macro average precision",
  brier: "Brier score over all classes",
};

export const classFigureTitles: Readonly<Record<ClassFigureName, string>> = {
  precision: "Precision",
  recall: "Recall",
  f1: "F1",
  auc: "AUC",
  averagePrecision: "Average precision",
  brier: "Brier score",
  calibrationError: "Calibration error",
};

export const sideTitles: Readonly<Record<EvaluatedSide, string>> = {
  val: "Held-out (validation) images",
  test: "Test images",
  external: "External images",
  all: "Images",
};

export const three = (value: number): string => value.toFixed(3);

export const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

export const intervalOf = ({ interval }: { interval: readonly [number, number] | null }): string =>
  interval ? `${three(interval[0])} to ${three(interval[1])}` : "interval not known";

export const valueText = (figure: Figure): string => (figure.value === null ? "–" : three(figure.value));

export const rangeText = (figure: Figure): string =>
  figure.value === null ? `not defined: ${figure.reason}` : intervalOf(figure);

export const pText = (p: number | null): string => (p === null ? "–" : p < 0.001 ? "< 0.001" : p.toFixed(3));

/** "0.912 ± 0.021": the mean and half its 95 % interval, or for one seed only the value; "–" if undefined. */
export function meanText(mean: Mean | null, { sign = false } = {}): string {
  if (!mean) return "–";
  const half = mean.interval ? ` ± ${three((mean.interval[1] - mean.interval[0]) / 2)}` : "";
  return `${sign && mean.mean >= 0 ? "+" : ""}${three(mean.mean)}${half}`.replace("-", "−");
}

/** "quick: MGA-Net, parallel fusion, width 0.25; 96×96, batch 8, 3 + 5 epochs". */
export function settingsText(config: TrainConfig): string {
  const { preset, size, batch, epochs } = config;
  const spec = specOf(config);
  const counts = Object.values(epochs).join(" + ");
  const what = counts === "1" ? "epoch" : "epochs";
  return `${preset}: ${spec.title}, ${spec.describe(config)}; ${size[0]}×${size[1]}, batch ${batch}, ${counts} ${what}`;
}

/** "10 s", "2 min 3 s" or "1 h 2 min". */
export function durationText(seconds: number): string {
  const whole = Math.round(seconds);
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  if (h > 0) return m > 0 ? `${h} h ${m} min` : `${h} h`;
  if (m > 0) return s > 0 ? `${m} min ${s} s` : `${m} min`;
  return `${s} s`;
}

export const plural = (count: number, one: string, many = `${one}s`): string => `${count} ${count === 1 ? one : many}`;
