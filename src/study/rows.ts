/** The rows and tables of the paper as data: which networks to train, and which to compare them with. */
import { DEFAULT_MODEL } from "../models/registry.ts";

/** A row of a table: its label, and how its network differs from the study's. */
export interface Row {
  readonly label: string;
  /** Id of the model. */
  readonly model: string;
  /** Values of the model's own options. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** Its style in plots that compare rows; absent for rows that would only clutter them. */
  readonly style?: { readonly colour: string; readonly dash?: string };
}

const SCALES = [0, 1, 2, 3, 4];
const mganet = (label: string, settings: Row["settings"], style?: Row["style"]): Row => ({
  label,
  model: DEFAULT_MODEL,
  settings: { at: SCALES, ...settings },
  ...(style ? { style } : {}),
});
const without = (scale: number): Row =>
  mganet(`-L${scale}`, { fusion: "parallel", at: SCALES.filter((s) => s !== scale) });

/** Rows by folder name. */
export const rows = {
  /** The same network without modules; its segmentation branch is still trained, but unused. */
  base: mganet("Base", { fusion: "none" }, { colour: "var(--b)", dash: "7 3" }),
  channel: mganet("Channel-only", { fusion: "channel" }, { colour: "var(--c)", dash: "2 3" }),
  spatial: mganet("Spatial-only", { fusion: "spatial" }, { colour: "var(--d)", dash: "9 3 2 3" }),
  serial: mganet("Serial fusion", { fusion: "serial" }, { colour: "var(--e)", dash: "4 4" }),
  "every-block": mganet("EB", { fusion: "parallel", at: "every-block" }, { colour: "var(--c)", dash: "4 4" }),
  "without-l0": without(0),
  "without-l1": without(1),
  "without-l2": without(2),
  "without-l3": without(3),
  "without-l4": without(4),
  resnet34: { label: "ResNet34", model: "resnet34", settings: {}, style: { colour: "var(--d)", dash: "2 3" } },
  proposed: mganet("Proposed", { fusion: "parallel" }, { colour: "var(--a)" }),
} as const satisfies Record<string, Row>;

export type RowName = keyof typeof rows;
export const rowNames = Object.keys(rows) as RowName[];
/** A row with the common type. */
export const rowOf = (name: RowName): Row => rows[name];

export interface Table {
  readonly title: string;
  readonly rows: readonly RowName[];
  /** The row that the others are compared with. */
  readonly reference: RowName;
}

export const tables = {
  2: { title: "against other classifiers", rows: ["resnet34", "proposed"], reference: "resnet34" },
  3: {
    title: "how the mask is used",
    rows: ["base", "channel", "spatial", "serial", "proposed"],
    reference: "base",
  },
  4: {
    title: "where the modules are",
    rows: [
      ...(["base", "every-block"] as const),
      ...(["without-l0", "without-l1", "without-l2", "without-l3", "without-l4"] as const),
      "proposed",
    ],
    reference: "base",
  },
} as const satisfies Record<number, Table>;

export type TableNumber = keyof typeof tables;
export const tableNumbers = Object.keys(tables).map(Number) as TableNumber[];
export const tableOf = (number: TableNumber): Table => tables[number];

/** The row of the network itself: emphasised, and explained in a study's report. */
export const PROPOSED = "proposed" satisfies RowName;
