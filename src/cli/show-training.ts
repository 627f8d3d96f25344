/** Shows training in progress: a bar on a terminal, one line per epoch elsewhere. */
import { commandLine } from "../node/command-line.ts";
import type { EventSink, RunEvent } from "../runs/events.ts";
import type { TrainConfig } from "../train/config.ts";
import type { EpochRecord } from "../train/training.ts";
import { showEvaluationMatrix, showMetrics, showSummary } from "./format.ts";
import { clock, type Progress } from "./progress.ts";
import { showImageEvent } from "./show-data.ts";

type Of<T extends RunEvent["type"]> = Extract<RunEvent, { type: T }>;

/** A sink that prints events. `summaries`: nodes, dispatches, FLOPs and memory of each phase's step. */
export function showTraining(
  progress: Progress,
  config: TrainConfig,
  { summaries }: { summaries: boolean },
): EventSink {
  const bar = { begun: false };
  let begunMs = performance.now();
  let images = 0;
  let folder = "";
  const handlers: { [T in RunEvent["type"]]?: (event: Of<T>) => void } = {
    run(event) {
      folder = event.folder;
      progress.line(`Run folder: ${folder}`);
    },
    remark: ({ text }) => progress.line(text),
    phase({ title, stage, epochs, batches, done }) {
      progress.clear();
      console.log(`${title}: ${epochs} epoch${epochs === 1 ? "" : "s"} of ${batches} step${batches === 1 ? "" : "s"}`);
      progress.start(stage, epochs * batches, done);
      begunMs = performance.now();
      images = 0;
    },
    compiled({ summary, seconds }) {
      if (summaries) progress.line(`  ${showSummary(summary)}; compiled in ${seconds.toFixed(1)} s`);
      begunMs = performance.now();
    },
    step({ epoch, batch, batches, loss }) {
      images += config.batch;
      const speed = images / ((performance.now() - begunMs) / 1000);
      progress.update((epoch - 1) * batches + batch, `loss ${loss.toFixed(4)} | ${speed.toFixed(0)} images/s`);
    },
    epoch: ({ record }) => progress.line(showEpoch(record, config)),
    evaluated: ({ checkpoint, side, images, metrics }) =>
      console.log(`${checkpoint} on the ${images} ${side} images: ${showMetrics(metrics)}`),
    trained(event) {
      progress.stop();
      conclude(event, folder);
    },
  };
  return (event) => {
    if (showImageEvent(progress, event, bar)) return;
    (handlers[event.type] as ((event: RunEvent) => void) | undefined)?.(event);
  };
}

function showEpoch({ stage, epoch, loss, imagesPerSecond, validation }: EpochRecord, config: TrainConfig): string {
  const of = config.epochs[stage]!;
  const number = `${String(epoch).padStart(String(of).length)}/${of}`;
  const held = validation ? `  held out: ${showMetrics(validation)}` : "";
  return `  ${stage} ${number}  loss ${loss.toFixed(4)}  ${imagesPerSecond.toFixed(1)} images/s${held}`;
}

function conclude({ last, best, seconds, classes }: Of<"trained">, folder: string): void {
  console.log(`\nDone in ${clock(seconds)}.`);
  if (last) console.log(`After the last epoch, on the ${last.images} held-out images: ${showMetrics(last)}`);
  if (best) {
    const by = best.loss === undefined ? "F1" : "loss, as the held-out images have only one class";
    console.log(`Best by ${by} (${best.stage} epoch ${best.epoch}):  ${showMetrics(best.metrics)}`);
    for (const line of showEvaluationMatrix(best.metrics, classes)) console.log(line);
  }
  console.log(`\nTry it:  ${commandLine("predict", `--run ${folder} IMAGE...`)}`);
}
