/** `mganet evaluate`. */
import { splitData, prepareData, SplitData } from "../node/data/training-data.ts";
import { BatchLoader } from "../node/data/loader.ts";
import { writeWhole } from "../node/files.ts";
import { findCheckpoint } from "../node/run-folder.ts";
import { MGANet } from "../models/mganet.ts";
import { loadWeights } from "../train/checkpoint.ts";
import { ConfigError } from "../train/config.ts";
import { evaluate, Predictor } from "../train/stage.ts";
import { showConfusion, showMetrics, showSkipped } from "./format.ts";
import { withGpu, type GpuOption } from "./gpu.ts";

export interface EvaluateOptions extends GpuOption {
  data?: string;
  checkpoint?: string;
  json?: string;
}

export async function evaluateRun(target: string, options: EvaluateOptions): Promise<void> {
  if (options.checkpoint && !["best", "last"].includes(options.checkpoint)) {
    throw new ConfigError(`checkpoint: "${options.checkpoint}" is neither best nor last`);
  }
  const { checkpoint, file } = await findCheckpoint(target, options.checkpoint);
  const config = { ...checkpoint.config, ...(options.data ? { data: options.data } : {}) };
  const { prepared, skipped, name } = await prepareData(config);
  const held = options.data ? prepared : splitData(prepared, config).val.map((i) => prepared[i]!);
  for (const line of showSkipped(skipped)) console.log(line);
  const loader = new BatchLoader(held);
  try {
    const { metrics, images } = await withGpu(options, async (gpu) => {
      const net = new MGANet(config);
      loadWeights(gpu, net, checkpoint, file);
      const predictor = await Predictor.create(gpu, net, config);
      const batches = loader.epoch({ seed: 0, epoch: 0, batchSize: config.batch });
      return evaluate(predictor, batches, "joint", SplitData.unlabelled(held));
    });
    console.log(`${file} on ${held.length} ${options.data ? "" : "held-out "}images of ${name}:`);
    console.log(showMetrics(metrics));
    console.log(showConfusion(metrics));
    if (options.json)
      await writeWhole(options.json, `${JSON.stringify({ checkpoint: file, metrics, images }, null, 2)}\n`);
  } finally {
    await loader.close();
  }
}
