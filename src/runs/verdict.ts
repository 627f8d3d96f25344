/** Formats a network's prediction for one image, for files and for people. */
import { isBenignMalignant, type Classes } from "../data/classes.ts";
import { predictedClass, shownClass } from "../metrics/decision.ts";

/** For benign and malignant the probability of malignancy, for other classes all probabilities; null without a classifier. */
export type Verdict =
  { malignant: number | null } | { probabilities: Readonly<Record<string, number>> | null; predicted: string | null };

export interface VerdictText {
  /** "83.2 % malignant", and "malignant 83 %" for pictures. */
  long: string;
  short: string;
  /** Whether the positive class is predicted. */
  alarming: boolean;
}

export function verdictOf(
  probabilities: readonly number[] | undefined,
  classes: Classes,
): { verdict: Verdict; text: VerdictText | undefined } {
  const { names, positive } = classes;
  const malignancy = isBenignMalignant(classes);
  if (!probabilities) {
    return { verdict: malignancy ? { malignant: null } : { probabilities: null, predicted: null }, text: undefined };
  }
  const predicted = predictedClass(probabilities, classes);
  const shown = shownClass(probabilities, classes);
  const share = 100 * probabilities[shown]!;
  const text = {
    long: `${share.toFixed(1)} % ${names[shown]!}`,
    short: `${names[shown]!} ${share.toFixed(0)} %`,
    alarming: predicted === positive,
  };
  if (malignancy) return { verdict: { malignant: probabilities[1]! }, text };
  const byName = Object.fromEntries(names.map((name, c) => [name, probabilities[c]!]));
  return { verdict: { probabilities: byName, predicted: names[predicted]! }, text };
}
