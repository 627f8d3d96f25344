/** What of the results is shown, and how: the table's order and filter, and what is drawn over a picture. */
import { computed, signal } from "@preact/signals";
import type { ExplainMethod } from "../../src/explain/methods.ts";
import { chosen, results, threshold, truthOf } from "../state/predictions.ts";
import type { ModelId } from "../worker/models.ts";
import type { Place } from "../worker/places.ts";
import { figuresOf, read, sorted, type Order, type Reading } from "./rows.ts";
import type { Shown } from "./paint.ts";

/** Undefined: the images' own order. */
export const order = signal<Order | undefined>(undefined);
export const wrongOnly = signal(false);

/** All rows, read at the threshold. */
export const readings = computed(() => {
  const now = results.value;
  if (!now) return [];
  const { classes } = now.model;
  return now.rows.map((row, i) => read(row, i, { truth: truthOf(row), classes, threshold: threshold.value }));
});

/** Whether the class of any image is known. */
export const truthKnown = computed(() => readings.value.some(({ truth }) => truth?.label !== undefined));

/** The table's rows. */
export const visible = computed(() => {
  const kept = wrongOnly.value && truthKnown.value ? readings.value.filter(({ wrong }) => wrong) : readings.value;
  return order.value ? sorted(kept, order.value) : kept;
});

export const figures = computed(() =>
  figuresOf(readings.value, results.value?.model.classes ?? { names: [], positive: 0 }, threshold.value),
);

/** The row that is shown in full. */
export const current = computed(() => readings.value[chosen.value]);

/** Where a row's picture is, with its frame where it is one of several. */
export function placeOf({ row: { at, frame } }: Reading): Place {
  const place = results.value!.places[at]!;
  return place.kind === "file" && frame !== undefined ? { ...place, frame } : place;
}

/** The current row's picture. */
export const place = computed(() => (current.value ? placeOf(current.value) : undefined));

/** Chooses the row so many places further in the table. */
export function move(by: number): void {
  const rows = visible.value;
  const at = rows.findIndex(({ index }) => index === chosen.value);
  const next = rows[at === -1 ? 0 : Math.min(rows.length - 1, Math.max(0, at + by))];
  if (next) chosen.value = next.index;
}

/** What is drawn. */
export const shown = signal<Shown & { map: boolean }>({ outline: true, box: true, truth: true, map: false });

export interface MapChoice {
  /** Undefined: the model's first. */
  readonly method: ExplainMethod | undefined;
  /** Undefined: the last one. */
  readonly point: string | undefined;
  /** A class's name; undefined: the predicted one. */
  readonly of: string | undefined;
  /** Whether the features before their enhancement are shown, where they differ. */
  readonly before: boolean;
  /** From 0 to 1. */
  readonly opacity: number;
}

export const map = signal<MapChoice>({
  method: undefined,
  point: undefined,
  of: undefined,
  before: false,
  opacity: 0.8,
});

/** Another model, whose answer is shown beside. */
export const second = signal<ModelId | undefined>(undefined);

/** 1: the whole picture. */
export const zoom = signal(1);
export const MOST_ZOOM = 12;
export const ZOOM_STEP = 1.25;

export function zoomBy(factor: number): void {
  zoom.value = Math.min(MOST_ZOOM, Math.max(1, zoom.value * factor));
}
