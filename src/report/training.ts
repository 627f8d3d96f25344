/** The part of a report that shows the course of training. */
import { specOf, type TrainConfig } from "../train/config.ts";
import type { EpochRecord } from "../train/training.ts";
import { html, type Markup } from "./html.ts";
import { figure } from "./page.ts";
import { epochPlot, legend, shareAxisStart, type Series } from "./plots.ts";

/** One curve: its name, its colour, and how to get its values. */
type Curve = Omit<Series, "points"> & { of: (record: EpochRecord) => number | undefined };

/** Line styles of the loss's terms. */
const TERM_STYLES = [
  { colour: "var(--b)", dash: "6 3" },
  { colour: "var(--c)", dash: "2 3" },
  { colour: "var(--d)", dash: "9 3 2 3" },
];

const lossCurves = (terms: Readonly<Record<string, string>>): Curve[] => [
  { name: "loss", colour: "var(--a)", of: (r) => r.loss },
  ...Object.entries(terms).map(([term, name], i): Curve => {
    const of = ({ [term]: value }: EpochRecord) => (typeof value === "number" ? value : undefined);
    return { name, ...TERM_STYLES[i % TERM_STYLES.length]!, of };
  }),
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

/** Loss and metrics by epoch, phase after phase. `best` is the epoch with the best weights. */
export function trainingSection(
  document: Document,
  records: readonly EpochRecord[],
  config: TrainConfig,
  best: { stage: string; epoch: number } | null,
): Markup {
  const { phases, terms } = specOf(config);
  const before = epochsBefore(config);
  const axis = {
    phases: phases.map(({ name }) => ({ name, epochs: config.epochs[name]! })),
    best: best ? before(best.stage) + best.epoch : undefined,
  };
  const multiclass = records.some(({ validation }) => validation?.matrix !== undefined);
  const plot = (heading: string, curves: readonly Curve[], share: boolean, caption: string) => {
    const series = curves.map((curve) => ({ ...curve, points: pointsOf(records, before, curve) }));
    const shown = series.filter(({ points }) => points.length > 0);
    if (shown.length === 0) return undefined;
    const begins = share ? shareAxisStart(shown) : 0;
    const zoom = begins > 0 ? ` The axis begins at ${begins}, not at 0.` : "";
    return figure(heading, html`${legend(shown)}${epochPlot(document, heading, shown, axis, share)}`, caption + zoom);
  };
  return html`<section>
    <h2>Training</h2>
    <div class="plots">
      ${[
        plot(
          "Loss by epoch",
          lossCurves(terms),
          false,
          `Means over an epoch's batches.${phases.length > 1 ? " The losses of different phases are not comparable." : ""}`,
        ),
        plot(
          "On the validation images",
          metrics,
          true,
          `${multiclass ? "Macro means over the classes." : "At threshold 0.5."}${best ? bestBy(records) : ""}`,
        ),
      ]}
    </div>
  </section>`;
}

/** Number of epochs before a phase. */
function epochsBefore(config: TrainConfig): (stage: string) => number {
  const { phases } = specOf(config);
  return (stage) => {
    const earlier = phases.slice(
      0,
      Math.max(
        0,
        phases.findIndex(({ name }) => name === stage),
      ),
    );
    return earlier.reduce((sum, { name }) => sum + config.epochs[name]!, 0);
  };
}

/** Epochs are compared by the loss if F1 cannot compare them. */
const bestBy = (records: readonly EpochRecord[]): string =>
  records.some(({ validation }) => validation?.loss !== undefined)
    ? " The best epoch is the one with the lowest loss on these images, which have only one class."
    : " The best epoch is the one with the highest F1.";

function pointsOf(records: readonly EpochRecord[], before: (stage: string) => number, { of }: Curve) {
  return records.flatMap((record) => {
    const y = of(record);
    return y === undefined ? [] : [{ x: before(record.stage) + record.epoch, y }];
  });
}
