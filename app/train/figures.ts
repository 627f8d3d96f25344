/** The figures of held-out images that curves and tables show. */
import type { EpochRecord } from "../../src/train/training.ts";
import type { Line } from "../parts/curve.tsx";

export const FIGURES = [
  ["f1", "F1"],
  ["auc", "AUC"],
  ["dice", "Dice"],
] as const;

export type FigureKey = (typeof FIGURES)[number][0];

/** A figure over the epochs of all phases; none where no epoch has it. */
export function lineOf(name: string, key: FigureKey, records: readonly EpochRecord[]): Line[] {
  const points = records.flatMap(({ validation }, i) => {
    const value = validation?.[key];
    return value === undefined ? [] : [{ x: i + 1, y: value }];
  });
  return points.length > 0 ? [{ name, points }] : [];
}

/** Those of the last evaluation. */
export const lastFigures = (records: readonly EpochRecord[]): Partial<Record<FigureKey, number>> =>
  records.findLast(({ validation }) => validation)?.validation ?? {};
