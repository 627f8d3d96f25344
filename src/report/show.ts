/** Numbers and names as reports show them. */
import type { EvaluatedSide } from "../metrics/predictions.ts";
import type { Figure, FigureName } from "../metrics/summary.ts";

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

/** "1:02:03" or "2:03". */
export function durationText(seconds: number): string {
  const whole = Math.round(seconds);
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (n: number) => String(n).padStart(2, "0");
  return h > 0 ? `${h}:${two(m)}:${two(s)} h` : `${m}:${two(s)} min`;
}

export const plural = (count: number, one: string, many = `${one}s`): string => `${count} ${count === 1 ? one : many}`;
