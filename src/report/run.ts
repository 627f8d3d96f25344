/** The report of a run. */
import type { Predictions } from "../metrics/predictions.ts";
import { benignMalignant } from "../data/classes.ts";
import { originsOf, originText } from "../models/spec.ts";
import { outlinesOf, specOf, type TrainConfig } from "../train/config.ts";
import type { EpochRecord } from "../train/training.ts";
import { notableCases } from "../metrics/notable-cases.ts";
import { casesCaption, showCases, type CasePicture } from "./cases.ts";
import { evaluationSection } from "./evaluation.ts";
import { html, type Content, type Markup } from "./html.ts";
import { page, table } from "./page.ts";
import { durationText, percent, plural, settingsText } from "./show.ts";
import { trainingSection } from "./training.ts";

/** A picture, made elsewhere, that explains an image. */
export interface ExplainedCase {
  image: string;
  title: string;
  /** A picture as a data URL. */
  picture: string;
}

/** A run's setup and course; null where unknown, for example if it has not finished. */
export interface RunFacts {
  adapter: string | null;
  /** Seconds from start to end; for a resumed run, of the last stretch. */
  seconds: number | null;
  variants: string | null;
  split: { how: string; train: number; val: number; test: number } | null;
  /** Number of files left out of the data. */
  skipped: number | null;
  bestEpoch: { stage: string; epoch: number } | null;
  /** WebGPU's name for the hardware. */
  device: string | null;
  /** Where it was ended for good before its last epoch; absent if it was not. */
  stopped?: { stage: string; epoch: number; epochs: number } | undefined;
}

export interface RunReport {
  /** The run's name, such as its folder. */
  name: string;
  config: TrainConfig;
  facts: RunFacts;
  records: readonly EpochRecord[];
  /** Predictions for the evaluated sides. */
  predictions: readonly Predictions[];
  /** Pictures of the images that `casesOfRun` names, by image. */
  pictures: ReadonlyMap<string, CasePicture>;
  explained: readonly ExplainedCase[];
  /** What this report lacks, one sentence each. */
  lacks?: readonly string[];
}

/** The side that cases are taken from: the test images if there are any, else the validation images. */
export const casesSide = (predictions: readonly Predictions[]): Predictions | undefined =>
  predictions.find(({ on }) => on === "test") ?? predictions.find(({ on }) => on === "val");

/** The page. @param document any DOM, to make the plots in */
export function runReport(document: Document, report: RunReport): string {
  const { name, config, facts, records, predictions } = report;
  const spec = specOf(config);
  const model = { masks: spec.maskTerm(config) !== undefined, outlines: outlinesOf(config).learned };
  const set = predictions[0]?.data ?? config.data;
  const about = [
    `${set}; ${settingsText(config)}`,
    ...(facts.adapter ? [`on ${facts.adapter}`] : []),
    ...(facts.seconds === null ? [] : [`in ${durationText(facts.seconds)}`]),
  ].join(", ");
  const order = ["test", "external", "val"];
  const sides = [...predictions].sort((a, b) => order.indexOf(a.on) - order.indexOf(b.on));
  return page(
    `${spec.title}: ${name}`,
    html`<h1>${name}</h1>
      <p class="dim">${about}.</p>
      ${unfinished(report)}${lacking(report)}
      ${sides.map((side) => evaluationSection(document, side, note(side, facts), model))}
      ${records.length > 0 ? trainingSection(document, records, config, facts.bestEpoch) : ""} ${cases(report)}
      ${explained(report.explained)} ${setup(report)}`,
  );
}

function unfinished({ facts, predictions, records, config }: RunReport): Content {
  if (facts.stopped) {
    const { stage, epoch, epochs } = facts.stopped;
    return html`<p class="warning">This run was ended on request after epoch ${epoch} of ${epochs} (${stage}).</p>`;
  }
  if (facts.seconds !== null) return null;
  const done = records.at(-1);
  const where = done ? ` after epoch ${done.epoch} of ${config.epochs[done.stage]!} (${done.stage})` : "";
  const what = predictions.length === 0 ? "; nothing has been evaluated yet" : "";
  return html`<p class="warning">This run is not finished: the report was made${where}${what}.</p>`;
}

const lacking = ({ lacks = [] }: RunReport): Content =>
  lacks.length > 0 ? html`<p class="dim small">${lacks.join(" ")}</p>` : null;

function note({ on, checkpoint }: Predictions, { bestEpoch }: RunFacts): string {
  if (on !== "val" || bestEpoch === null || !checkpoint.startsWith("best")) return "";
  return "The best checkpoint was chosen on these very images, so their figures are somewhat optimistic.";
}

function cases({ predictions, pictures }: RunReport): Content {
  const side = casesSide(predictions);
  if (!side) return null;
  const { threshold, classes = benignMalignant } = side;
  const chosen = notableCases(side.images, threshold, undefined, classes);
  return html`<section>
    <h2>Single images</h2>
    ${pictures.size > 0 ? casesCaption : ""}${showCases(chosen, pictures, { threshold, classes })}
  </section>`;
}

/** Panels that explain images. */
export function explained(panels: readonly ExplainedCase[]): Content {
  if (panels.length === 0) return null;
  const shown = panels.map(({ image, title, picture }) => {
    return html`<figure class="panel">
      <img src="${picture}" alt="${`${image}: image and what the network sees`}" />
      <figcaption>${title}</figcaption>
    </figure>`;
  });
  return html`<section>
    <h2>Where the network looks</h2>
    <div class="panels">${shown}</div>
  </section>`;
}

function setup({ config, facts, records }: RunReport): Markup {
  const { split, skipped, adapter, device, seconds, variants } = facts;
  const sum = (stage: string) => records.filter((r) => r.stage === stage).reduce((total, r) => total + r.seconds, 0);
  const speeds = records.map((r) => r.imagesPerSecond);
  const rows: [string, Content][] = [
    ...originsOf(config).map((origin): [string, Content] => {
      return ["began from", `${originText(origin)}, SHA-256 ${origin.sha256}`];
    }),
    ...(split
      ? ([
          [
            "split",
            `${split.train} training, ${split.val} held out${split.test > 0 ? `, ${split.test} test` : ""}; ${split.how}`,
          ],
        ] as [string, Content][])
      : []),
    ...(skipped ? ([["left out", plural(skipped, "file")]] as [string, Content][]) : []),
    ["adapter and driver", adapter ?? "not known"],
    ...(device ? ([["device", device]] as [string, Content][]) : []),
    ["kernels", variants === null ? "not known" : variants === "fixed" ? "fixed choice" : `tuned (${variants})`],
    ["whole run", seconds === null ? "not finished" : durationText(seconds)],
    ...specOf(config).phases.map(({ name }): [string, Content] => [`training steps, ${name}`, durationText(sum(name))]),
    ...(speeds.length > 0
      ? ([["images per second", `${Math.min(...speeds).toFixed(1)} to ${Math.max(...speeds).toFixed(1)}`]] as [
          string,
          Content,
        ][])
      : []),
  ];
  return html`<section>
    <h2>How it was made</h2>
    <div class="columns">
      <div>
        <h3>Data, machine and time</h3>
        ${words(rows)}
      </div>
      <div>
        <h3>Configuration</h3>
        ${configuration(config)}
      </div>
    </div>
  </section>`;
}

const words = (rows: readonly (readonly [string, Content])[]): Markup =>
  table([{ title: "" }, { title: "", text: true }], rows);

/** All settings of a run. */
export function configuration(config: TrainConfig): Markup {
  const show = (value: unknown): string => {
    if (typeof value === "string") return value === "" ? "none" : value;
    if (Array.isArray(value)) return value.join(", ");
    if (typeof value === "object" && value !== null)
      return Object.entries(value).map(([k, v]) => `${k} ${String(v)}`).join(", "); // prettier-ignore
    return String(value);
  };
  return words(
    // Where it began from is said with the data.
    Object.entries(config).flatMap(([name, value]): [string, string][] =>
      name === "init" ? [] : [[name, name === "val" ? percent(value as number) : show(value)]],
    ),
  );
}
