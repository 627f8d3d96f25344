/** Computes a study's tables from its runs' predictions. */
import * as z from "zod";
import type { Classes } from "../data/classes.ts";
import { confusion, rates } from "../metrics/confusion.ts";
import { auc } from "../metrics/curves.ts";
import { delong, delongReason } from "../metrics/delong.ts";
import { valueOf } from "../metrics/measure.ts";
import { multiclassFigures } from "../metrics/multiclass.ts";
import { casesOf, classCasesOf, classified, type ImagePrediction } from "../metrics/predictions.ts";
import { overRuns, pairedOverRuns } from "../metrics/runs.ts";
import { figureNames, sideNames, type FigureName, type SideName } from "./figures.ts";
import { rowNames, rowOf, tableIds, tableOf, type RowName, type TableId } from "./rows.ts";

const interval = z.tuple([z.number(), z.number()]).nullable();
const meanSchema = z.strictObject({
  /** One value per seed, in the order of `seeds`. */
  values: z.array(z.number()),
  mean: z.number(),
  /** 95 %, Student's t over the seeds; null for one seed. */
  interval,
});
export type Mean = z.infer<typeof meanSchema>;
type Difference = Mean & { p: number | null };

const versusSchema = z.strictObject({
  /** AUC of this row minus that of the table's reference, seed by seed. */
  auc: meanSchema,
  /** Two-sided p of Student's paired test over the seeds; null for one seed. */
  p: z.number().nullable(),
  /** The same of the table's other compared figures. */
  others: z.partialRecord(z.enum(figureNames), meanSchema.extend({ p: z.number().nullable() })).exactOptional(),
  /** Two-sided p of DeLong's test on the images, one per seed; null if undefined. */
  delong: z.array(z.number().nullable()),
});

const tableRowSchema = z.strictObject({
  row: z.enum(rowNames),
  label: z.string(),
  /** null if undefined in any run, such as the AUC if a class is missing. */
  figures: z.strictObject({
    accuracy: meanSchema.nullable(),
    auc: meanSchema.nullable(),
    f1: meanSchema.nullable(),
    dice: meanSchema.nullable(),
    /** With the true outlines, whatever the network learned; studies of before did not have it. */
    outlineDice: meanSchema.nullable().default(null),
  }),
  /** null for the reference itself, and if no AUC is defined. */
  versusBase: versusSchema.nullable(),
});
export type TableRow = z.infer<typeof tableRowSchema>;

export const studyTableSchema = z.strictObject({
  table: z.literal(tableIds),
  on: z.enum(sideNames),
  /** Number of distinct images with a class that a seed is evaluated on. */
  images: z.number().int().min(0),
  seeds: z.array(z.number().int().min(0)),
  rows: z.array(tableRowSchema),
});
export type StudyTable = z.infer<typeof studyTableSchema>;

/** The predictions of one row and seed, for each fold's run. */
type OfSeed = readonly (readonly ImagePrediction[])[];

export interface TableInput {
  table: TableId;
  on: SideName;
  seeds: readonly number[];
  classes: Classes;
  of: (row: RowName, seed: number) => OfSeed;
}

/**
 * One of a study's tables. A seed's metrics are pooled over all its folds' held-out images, each held out by one fold; if the
 * folds' runs are evaluated on the same images (a test or an external set), they are the mean over the folds.
 */
export function studyTable({ table, on, seeds, classes, of }: TableInput): StudyTable {
  const pooled = (row: RowName) => seeds.map((seed) => (on === "val" ? [of(row, seed).flat()] : of(row, seed)));
  const { rows, reference, compared = [] } = tableOf(table);
  const base = pooled(reference);
  return {
    table,
    on,
    images: classified(base[0]![0]!).length,
    seeds: [...seeds],
    rows: rows.map((row): TableRow => {
      const runs = pooled(row);
      return {
        row,
        label: rowOf(row).label,
        figures: meansOf(runs, classes),
        versusBase: row === reference ? null : versus(base, runs, classes, compared),
      };
    }),
  };
}

/** What is known of a row while its table is not finished. */
export interface KnownRow {
  row: RowName;
  label: string;
  /** Over the seeds whose runs are all finished, this many. */
  figures: Record<FigureName, Mean | null>;
  seeds: number;
}

/** The rows of a table as far as they are known. @param of undefined for a seed with a run that is not finished */
export function knownRows({
  table,
  on,
  seeds,
  classes,
  of,
}: Omit<TableInput, "of"> & { of: (row: RowName, seed: number) => OfSeed | undefined }): KnownRow[] {
  return tableOf(table).rows.map((row) => {
    const runs = seeds.flatMap((seed) => {
      const folds = of(row, seed);
      return folds ? [on === "val" ? [folds.flat()] : folds] : [];
    });
    return { row, label: rowOf(row).label, figures: meansOf(runs, classes), seeds: runs.length };
  });
}

/** A row's figures over its seeds. */
function meansOf(runs: readonly OfSeed[], classes: Classes): Record<FigureName, Mean | null> {
  const each = runs.map((folds) => folds.map((images) => figuresOf(images, classes)));
  const entries = figureNames.map((name) => [name, meanOf(each.map((folds) => average(folds.map((f) => f[name]))))]);
  return Object.fromEntries(entries) as Record<FigureName, Mean | null>;
}

/** The metrics of one evaluation; undefined where there is none. */
function figuresOf(images: readonly ImagePrediction[], classes: Classes): Record<FigureName, number | undefined> {
  const known = classified(images);
  const masks = {
    dice: average(images.flatMap(({ dice }) => dice ?? [])),
    outlineDice: average(images.flatMap(({ outlineDice }) => outlineDice ?? [])),
  };
  if (classes.names.length > 2) {
    const { overall } = multiclassFigures(classCasesOf(known, classes));
    const { accuracy, macroAuc, macroF1 } = overall;
    const [a, b, c] = [accuracy, macroAuc, macroF1].map(valueOf);
    return { accuracy: a, auc: b, f1: c, ...masks };
  }
  const cases = casesOf(known, classes);
  const { accuracy, f1 } = rates(confusion(cases));
  return { accuracy: valueOf(accuracy), auc: valueOf(auc(cases)), f1: valueOf(f1), ...masks };
}

/** Undefined for an empty list, or if a value is missing. */
function average(values: readonly (number | undefined)[]): number | undefined {
  const defined = values.filter((v) => v !== undefined);
  if (defined.length < values.length || values.length === 0) return undefined;
  return defined.reduce((a, b) => a + b, 0) / values.length;
}

function meanOf(values: readonly (number | undefined)[]): Mean | null {
  const defined = values.filter((v) => v !== undefined);
  if (defined.length < values.length || values.length === 0) return null;
  const { mean, interval } = overRuns(defined);
  return { values: defined, mean, interval };
}

/** Compares a row with the reference. Both were evaluated on the same images in every seed and fold. */
function versus(
  base: readonly OfSeed[],
  runs: readonly OfSeed[],
  classes: Classes,
  compared: readonly FigureName[],
): TableRow["versusBase"] {
  const [before, now] = [base, runs].map((seeds) =>
    seeds.map((folds) => folds.map((images) => figuresOf(images, classes))),
  );
  const differenceOf = (name: FigureName): Difference | undefined => {
    const [a, b] = [before!, now!].map((seeds) => seeds.map((folds) => average(folds.map((f) => f[name]))));
    const pairs = a!.flatMap((x, i) => (x === undefined || b![i] === undefined ? [] : [[x, b![i]] as const]));
    if (pairs.length < a!.length) return undefined;
    const { mean, interval, p } = pairedOverRuns(
      pairs.map(([x]) => x),
      pairs.map(([, y]) => y),
    );
    return { values: pairs.map(([x, y]) => y - x), mean, interval, p };
  };
  const auc = differenceOf("auc");
  if (!auc) return null;
  const { p, ...areas } = auc;
  const others = compared.flatMap((name) => {
    const difference = name === "auc" ? undefined : differenceOf(name);
    return difference ? [[name, difference] as const] : [];
  });
  return {
    ...{ auc: areas, p },
    ...(others.length > 0 ? { others: Object.fromEntries(others) } : {}),
    delong: runs.map((folds, i) => delongOf(base[i]!, folds, classes)),
  };
}

/**
 * DeLong's p of one evaluation. Several folds' predictions for the same images are not independent cases, and the test compares
 * the areas of two classes: otherwise it is undefined.
 */
function delongOf(base: OfSeed, row: OfSeed, classes: Classes): number | null {
  if (base.length > 1 || classes.names.length > 2) return null;
  const [a, b] = [classified(base[0]!), classified(row[0]!)];
  const own = new Map(b.map((prediction) => [prediction.image, prediction]));
  if (own.size !== a.length || a.some(({ image }) => !own.has(image))) {
    throw new RangeError("the runs were not evaluated on the same images");
  }
  const { label, score } = casesOf(a, classes);
  if (delongReason(label) !== undefined) return null;
  return delong(
    label,
    score,
    casesOf(
      a.map(({ image }) => own.get(image)!),
      classes,
    ).score,
  ).p;
}
