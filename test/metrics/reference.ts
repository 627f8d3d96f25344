/** The reference values of test/reference/metrics_reference.py and delong_reference.R. */
import { readFileSync } from "node:fs";
import { expect } from "vitest";
import type { Confusion, RateName } from "../../src/metrics/confusion.ts";

const load = (name: string): unknown =>
  JSON.parse(readFileSync(new URL(`../reference/data/${name}.json`, import.meta.url), "utf8"));

export interface ReferenceCase {
  name: string;
  label: number[];
  score: number[];
  other: number[];
  auc: number;
  averagePrecision: number;
  roc: { fpr: number[]; tpr: number[]; threshold: number[] };
  pr: { precision: number[]; recall: number[]; threshold: number[] };
  brier: number;
  reliability: { observed: number[]; predicted: number[]; images: number[] };
  calibrationError: number;
  rates: Record<string, { confusion: Confusion } & Record<RateName, number>>;
  youden: number;
  bestF1: number;
  delong: Delong & { difference: number };
}

export interface Delong {
  auc: [number, number];
  variance: [number, number];
  covariance: number;
  interval: [number, number];
  z: number;
  p: number;
}

/** Of more than two classes; null where scikit-learn has no value. */
export interface MulticlassReference {
  name: string;
  label: number[];
  probabilities: number[][];
  confusion: number[][];
  accuracy: number;
  macroF1: number;
  weightedF1: number;
  macroAuc: number | null;
  macroAveragePrecision: number | null;
  brier: number;
  byClass: {
    images: number;
    predicted: number;
    precision: number;
    recall: number;
    f1: number;
    auc: number | null;
    averagePrecision: number | null;
    brier: number;
    calibrationError: number;
    reliability: ReferenceCase["reliability"];
  }[];
}

interface Runs {
  values: number[];
  mean: number;
  deviation: number;
  interval: [number, number];
}

export const reference = load("metrics") as {
  cases: ReferenceCase[];
  multiclass: MulticlassReference[];
  runs: Runs[];
  paired: Omit<Runs, "values"> & { a: number[]; b: number[]; p: number };
  percentiles: { values: number[]; interval: [number, number] };
  mask: { mask: number[]; target: number[]; dice: number; iou: number };
};

/** Expects numbers to be equal to within `bar`, relative to the larger of 1 and the expected one. */
export function expectClose(given: readonly number[], expected: readonly number[], bar: number): void {
  expect(given.length).toBe(expected.length);
  const errors = expected.map((e, i) => Math.abs(given[i]! - e) / Math.max(1, Math.abs(e)));
  const worst = errors.findIndex((error) => !(error <= bar));
  expect(worst, `at ${worst}: ${given[worst]} instead of ${expected[worst]}`).toBe(-1);
}

/** By pROC; the interval is the first model's AUC's. */
export const byProc = (load("delong") as { cases: (Delong & { name: string })[] }).cases;
