/** `mganet evaluate`. */
import { splitData, prepareData, SplitData } from "../node/data/training-data.ts";
import { BatchLoader } from "../node/data/loader.ts";
import { requireWritableFile, writeWhole } from "../node/files.ts";
import { findCheckpoint } from "../node/run-folder.ts";
import { MGANet } from "../models/mganet.ts";
import { loadWeights, trainedStage } from "../train/checkpoint.ts";
import { evaluate, Predictor } from "../train/stage.ts";
import { showConfusion, showMetrics, showSkipped } from "./format.ts";
import { withTunedGpu, type TunedOption } from "./tuned.ts";

export interface EvaluateOptions extends TunedOption {
  data?: string;
  checkpoint?: "best" | "last";
  json?: string;
}

export async function evaluateRun(target: string, options: EvaluateOptions): Promise<void> {
  const { data, json } = options;
  if (json !== undefined) await requireWritableFile(json);
  const { checkpoint, file } = await findCheckpoint(target, options.checkpoint);
  const config = { ...checkpoint.config, ...(data === undefined ? {} : { data }) };
  const { prepared, skipped, name } = await prepareData(config);
  const held = data === undefined ? splitData(prepared, config).val : prepared;
  for (const line of showSkipped(skipped)) console.log(line);
  const stage = trainedStage(checkpoint);
  const batch = Math.min(config.batch, held.length);
  const loader = new BatchLoader(held);
  try {
    const { metrics, images } = await withTunedGpu(options, async (gpu) => {
      const net = new MGANet(config);
      loadWeights(gpu, net, checkpoint, file);
      const predictor = await Predictor.create(gpu, net, { batch, size: config.size, stage });
      const batches = loader.epoch({ seed: 0, epoch: 0, batchSize: batch });
      return evaluate(predictor, batches, stage, SplitData.unlabelled(held));
    });
    console.log(`${file} on ${held.length} ${data === undefined ? "held-out " : ""}images of ${name}:`);
    if (stage === "segmentation") console.log("The classifier of this checkpoint has not been trained yet.");
    console.log(showMetrics(metrics));
    if (metrics.confusion) console.log(showConfusion(metrics));
    const report = { checkpoint: file, data: name, metrics, images, skipped };
    if (json !== undefined) await writeWhole(json, `${JSON.stringify(report, null, 2)}\n`);
  } finally {
    await loader.close();
  }
}
