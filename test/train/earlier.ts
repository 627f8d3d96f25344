/** An earlier model, and runs that begin from it. */
import type { Gpu } from "../../src/gpu/gpu.ts";
import type { TrainConfig } from "../../src/train/config.ts";
import { parseSource, type RunSource } from "../../src/train/initial.ts";
import { Trainer } from "../../src/train/trainer.ts";
import type { EpochRecord } from "../../src/train/training.ts";
import { mganetConfig, type MGANetConfig } from "../support/mganet.ts";
import { config, MadeUpData, withoutTimes } from "./support.ts";

/** What messages call its file. */
export const file = "earlier/best.safetensors";

export interface Ended {
  last: Uint8Array;
  records: Partial<EpochRecord>[];
}

/** Trains to the end, or for some steps. `begin` loads what it begins from. */
export async function train(
  gpu: Gpu,
  settings: TrainConfig,
  begin: (trainer: Trainer) => void,
  most = Infinity,
): Promise<Ended> {
  const trainer = new Trainer(gpu, settings, new MadeUpData());
  begin(trainer);
  const stop = new AbortController();
  const records: Partial<EpochRecord>[] = [];
  let [last, steps]: [Uint8Array, number] = [new Uint8Array(), 0];
  await trainer.fit(
    {
      onStep: () => void (++steps === most && stop.abort()),
      onEpoch: (record) => void records.push(withoutTimes(record)),
      save: (name, bytes) => Promise.resolve(void (name === "last" && (last = bytes))),
    },
    stop.signal,
  );
  trainer.release();
  return { last, records };
}

/** Trains it. */
export async function earlier(gpu: Gpu): Promise<{ bytes: Uint8Array; source: RunSource }> {
  const { last: bytes } = await train(gpu, config, () => {});
  return { bytes, source: (await parseSource(bytes, file)) as RunSource };
}

/** The settings of a run that begins from it. */
export const tuningOf = ({ origin }: RunSource, changes: Partial<MGANetConfig> = {}): MGANetConfig =>
  mganetConfig({ ...config, seed: 5, init: origin, ...changes });

/** The same, with the segmentation branch as it is. */
export const frozenOf = (source: RunSource, changes: Partial<MGANetConfig> = {}): MGANetConfig =>
  tuningOf(source, { freeze: "segmentation", epochs: { segmentation: 0, joint: 2 }, ...changes });
