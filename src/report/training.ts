/** The part of a report that shows how training went. */
import type { TrainConfig } from "../train/config.ts";
import type { EpochRecord } from "../train/training.ts";
import { html, type Markup } from "./html.ts";
import { figure } from "./page.ts";
import { epochPlot, legend, type Series } from "./plots.ts";

/** One curve: its name and colour, and where its values come from. */
type Curve = Omit<Series, "points"> & { of: (record: EpochRecord) => number | undefined };

const losses: readonly Curve[] = [
  { name: "loss", colour: "var(--a)", of: (r) => r.loss },
  { name: "of the classes", colour: "var(--b)", dash: "6 3", of: (r) => r.cls },
  { name: "of the masks", colour: "var(--c)", dash: "2 3", of: (r) => r.seg },
];
const metrics: readonly Curve[] = [
  { name: "AUC", colour: "var(--a)", of: (r) => r.validation?.auc },
  {
    name: "F1",
    colour: "var(--b)",
    dash: "7 3",
    of: ({ validation }) => (validation?.loss === undefined ? validation?.f1 : undefined),
  },
  { name: "accuracy", colour: "var(--d)", dash: "2 3", of: (r) => r.validation?.accuracy },
  { name: "Dice", colour: "var(--c)", dash: "9 3 2 3", of: (r) => r.validation?.dice },
];

/** Loss and metrics by epoch, both stages behind each other. `best` is the joint epoch whose weights are the best. */
export function trainingSection(
  document: Document,
  records: readonly EpochRecord[],
  { epochs }: TrainConfig,
  best: number | undefined,
): Markup {
  const axis = { ...epochs, best: best === undefined ? undefined : epochs.segmentation + best };
  const plot = (heading: string, curves: readonly Curve[], share: boolean, caption: string) => {
    const series = curves.map((curve) => ({ ...curve, points: pointsOf(records, epochs.segmentation, curve) }));
    const shown = series.filter(({ points }) => points.length > 0);
    if (shown.length === 0) return undefined;
    return figure(heading, html`${legend(shown)}${epochPlot(document, heading, shown, axis, share)}`, caption);
  };
  return html`<section>
    <h2>Training</h2>
    <div class="plots">
      ${[
        plot(
          "Loss by epoch",
          losses,
          false,
          "Means over an epoch's batches. The joint loss weighs both terms, and is not to be compared with the segmentation stage's.",
        ),
        plot(
          "On the validation images",
          metrics,
          true,
          `At threshold 0.5.${best === undefined ? "" : bestBy(records)}`,
        ),
      ]}
    </div>
  </section>`;
}

/** Where F1 says nothing, epochs are compared by the loss. */
const bestBy = (records: readonly EpochRecord[]): string =>
  records.some(({ validation }) => validation?.loss !== undefined)
    ? " The best epoch is that of the smallest loss on these images, which are not of both classes."
    : " The best epoch is that of the largest F1.";

function pointsOf(records: readonly EpochRecord[], segmentation: number, { of }: Curve) {
  return records.flatMap((record) => {
    const y = of(record);
    return y === undefined ? [] : [{ x: record.epoch + (record.stage === "joint" ? segmentation : 0), y }];
  });
}
