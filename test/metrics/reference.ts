/** The reference values of test/reference/metrics_reference.py and delong_reference.R. */
import { readFileSync } from "node:fs";
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

interface Runs {
  values: number[];
  mean: number;
  deviation: number;
  interval: [number, number];
}

export const reference = load("metrics") as {
  cases: ReferenceCase[];
  runs: Runs[];
  paired: Omit<Runs, "values"> & { a: number[]; b: number[]; p: number };
  percentiles: { values: number[]; interval: [number, number] };
  mask: { mask: number[]; target: number[]; dice: number; iou: number };
};

/** By pROC; the interval is the first model's AUC's. */
export const byProc = (load("delong") as { cases: (Delong & { name: string })[] }).cases;
