/** The rows and tables of a study as data: which networks to train, and which to compare them with. */
import { DEFAULT_MODEL } from "../models/registry.ts";
import type { FigureName, SideName } from "./figures.ts";

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
const backbone = (label: string, model: string, colour: string, dash: string): Row => ({
  ...{ label, model, settings: {} },
  style: { colour: `var(--${colour})`, dash },
});

/** Rows by folder name. */
export const rows = {
  inception: backbone("Inception", "inception_v3", "b", "7 3"),
  vgg: backbone("VGG", "vgg16_bn", "c", "2 3"),
  resnext: backbone("ResNeXt", "resnext50_32x4d", "d", "9 3 2 3"),
  vit: backbone("ViT", "vit_b_16", "e", "4 4"),
  swin: backbone("Swin", "swin_t", "b", "2 3"),
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
  se: mganet("SE", { fusion: "se" }, { colour: "var(--c)", dash: "7 3" }),
  cbam: mganet("CBAM", { fusion: "cbam" }, { colour: "var(--d)", dash: "4 4" }),
  resnet34: backbone("ResNet34", "resnet34", "d", "2 3"),
  "mask-box": mganet("Box", { fusion: "parallel", maskTarget: "box" }, { colour: "var(--b)", dash: "7 3" }),
  "mask-outline": mganet("Outline", { fusion: "parallel", maskTarget: "outline" }, { colour: "var(--c)", dash: "2 3" }),
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
  /** The images that it is about; default: all that the runs are evaluated on. */
  readonly sides?: readonly SideName[];
  /** The figures that it shows; default: accuracy, AUC, F1, Dice. */
  readonly figures?: readonly FigureName[];
  /** The figures of which it gives the difference from the reference; default: AUC. */
  readonly compared?: readonly FigureName[];
  /** Whether it needs more than two classes. */
  readonly manyClasses?: true;
}

const backbones = ["inception", "vgg", "resnext", "vit", "swin", "proposed"] as const;

/** The paper's tables by number, one of our own (6), and studies of the questions that the paper leaves open, by name. */
export const tables = {
  2: {
    title: "against other classifiers",
    rows: backbones,
    reference: "proposed",
    sides: ["val", "test"],
  },
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
  5: { title: "against other classifiers", rows: backbones, reference: "proposed", sides: ["external"] },
  6: { title: "against other attention blocks", rows: ["base", "se", "cbam", "proposed"], reference: "base" },
  masks: {
    title: "what learning from ellipses costs",
    rows: ["mask-box", "proposed", "mask-outline"],
    reference: "proposed",
    figures: ["accuracy", "auc", "f1", "outlineDice"],
    compared: ["auc", "f1", "outlineDice"],
  },
  classes: {
    title: "more than two classes",
    rows: ["resnet34", "base", "proposed"],
    reference: "base",
    compared: ["auc", "f1"],
    manyClasses: true,
  },
} as const satisfies Record<string | number, Table>;

export type TableId = keyof typeof tables;
/** Numbers first, as JavaScript orders keys. */
export const tableIds = Object.keys(tables).map((key) => (/^\d+$/.test(key) ? Number(key) : key)) as TableId[];
/** The paper's tables and our own. */
export const tableNumbers = tableIds.filter((id) => typeof id === "number");
/** The studies of open questions. */
export const studyNames = tableIds.filter((id) => typeof id === "string");
export const tableOf = (id: TableId): Table => tables[id];

const usual: readonly FigureName[] = ["accuracy", "auc", "f1", "dice"];
export const figuresOf = (id: TableId): readonly FigureName[] => tableOf(id).figures ?? usual;

/** Those compared with the reference besides AUC. */
export const otherFigures = (id: TableId): readonly FigureName[] =>
  (tableOf(id).compared ?? []).filter((name) => name !== "auc");

/** "Table 3", "Study of classes". */
export const tableName = (id: TableId): string => (typeof id === "number" ? `Table ${id}` : `Study of ${id}`);

/** Name of a table's files without ending: "table-3", "study-classes". */
export const tableFile = (id: TableId): string => `${typeof id === "number" ? "table" : "study"}-${id}`;

/** In the order of `tableIds`, each once. */
export const inOrder = (ids: Iterable<TableId>): TableId[] => {
  const wanted = new Set(ids);
  return tableIds.filter((id) => wanted.has(id));
};

/** The row of the network itself: emphasised, and explained in a study's report. */
export const PROPOSED = "proposed" satisfies RowName;
