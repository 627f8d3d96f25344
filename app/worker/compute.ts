/** The worker that owns the GPU: parity, training, prediction. The page stays free to scroll while it computes. */
import { parseSafetensors } from "../../src/data/safetensors.ts";
import type { Capabilities } from "../../src/gpu/capabilities.ts";
import { ConfigError } from "../../src/models/config-error.ts";
import { compareCase, runCase } from "../../src/models/parity.ts";
import { hasCheckpoint, isComplete, readRecords, Run } from "../../src/runs/run.ts";
import { InputError, readJson } from "../../src/runs/store.ts";
import type { RunSummary } from "../../src/runs/train.ts";
import { checkConfig, presetFor, specOf, type TrainConfig } from "../../src/train/config.ts";
import { needsOf, type Needs } from "../../src/train/needs.ts";
import type { EpochRecord } from "../../src/train/training.ts";
import { PageImages, type PreparedSets } from "../../src/web/image-source.ts";
import { KeptGpu } from "../../src/web/open-gpu.ts";
import { heldToken } from "../../src/web/opfs-lock.ts";
import { OpfsStore } from "../../src/web/opfs-store.ts";
import { Runner, RUNS, type RunEnd, type RunnerEvent } from "../../src/web/runner.ts";
import { projectOf } from "../project/data-name.ts";
import { preparedSet } from "../project/prepared.ts";
import { loadProject } from "../project/project-store.ts";
import { removeAll } from "../project/remove-all.ts";
import { addModel, listModels, offerBuiltIn, removeModel, type ModelEntry, type ModelId } from "./models.ts";
import { openPicture } from "./pictures.ts";
import type { CallContext, Methods } from "./rpc.ts";
import { fieldsOf, modelInfos, type Field, type ModelInfo } from "./settings.ts";

/** The adapter, in plain data. */
export interface AdapterInfo {
  name: string;
  /** Vendor, architecture and device, for records. */
  details: string;
  caps: Capabilities;
}

/** One compared quantity of the parity check. */
export interface ParityRow {
  what: string;
  error: number;
  bar: number;
}

/** A run in the browser's storage. */
export interface RunInfo {
  /** Its folder's name. */
  name: string;
  config: TrainConfig;
  /** Of its network. */
  title: string;
  records: EpochRecord[];
  /** Null while it has not finished. */
  summary: RunSummary | null;
}

/** Whether a configuration can be trained, and what it costs. */
export type Forecast = { ok: true; needs: Needs } | { ok: false; setting?: string; message: string };

/** For all that is computed here: a second device would compile everything again. */
const device = new KeptGpu();

const runs = new OpfsStore(RUNS);

const projectImages: PreparedSets = async (config, options) => {
  const project = await loadProject(projectOf(config.data));
  return preparedSet(project, config, async (image) => (await openPicture(project, image)).grey(), options);
};

/** Who hears of the training. */
let listener: (event: RunnerEvent) => void = () => {};
const runner = new Runner({ device, source: new PageImages(projectImages), emit: (event) => listener(event) });

/** A training, whose events go to the caller and which the caller's signal stops. */
async function training({ emit, signal }: CallContext<RunnerEvent>, begin: () => Promise<void>): Promise<RunEnd> {
  if (runner.isRunning) throw new InputError("a training is running: stop it first");
  let end: RunEnd | undefined;
  listener = (event) => {
    if (event.type === "finished" || event.type === "stopped" || event.type === "failed") end = event;
    else emit(event);
  };
  const done = begin();
  const stop = () => runner.stop();
  signal.addEventListener("abort", stop);
  if (signal.aborted) stop();
  await done;
  signal.removeEventListener("abort", stop);
  return end!;
}

async function fetchBytes(url: string): Promise<Uint8Array> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: ${response.status} ${response.statusText}`);
  return new Uint8Array(await response.arrayBuffer());
}

export const compute = {
  async adapter(_: CallContext<never>): Promise<AdapterInfo> {
    const { name, info, caps } = await device.open();
    const { vendor, architecture } = info;
    return { name, details: [vendor, architecture, info.device].filter(Boolean).join(" "), caps };
  },

  /** Compares a training step and an inference with PyTorch's in float64. @param url where the case lies */
  async parity(url: string, _: CallContext<never>): Promise<ParityRow[]> {
    const { metadata, tensors } = parseSafetensors(await fetchBytes(url), "the parity case");
    const results = await runCase(await device.open(), metadata, tensors);
    return compareCase(results, metadata, tensors).map(({ what, error, bar }) => ({ what, error, bar }));
  },

  async models(_: CallContext<never>): Promise<ModelInfo[]> {
    return Promise.resolve(modelInfos());
  },

  /** A model's settings for images of the page, and the fields in which they are shown. */
  async preset(
    model: string,
    preset: "quick" | "paper",
    data: string,
    _: CallContext<never>,
  ): Promise<{ config: TrainConfig; fields: Field[] }> {
    return Promise.resolve({ config: presetFor(preset, data, model), fields: fieldsOf(model) });
  },

  async forecast(config: unknown, _: CallContext<never>): Promise<Forecast> {
    try {
      return { ok: true, needs: needsOf(await device.open(), checkConfig(config)) };
    } catch (error) {
      const { message } = error as Error;
      const setting = error instanceof ConfigError ? error.setting : undefined;
      return { ok: false, message, ...(setting === undefined ? {} : { setting }) };
    }
  },

  async train(config: unknown, name: string, context: CallContext<RunnerEvent>): Promise<RunEnd> {
    return training(context, () => runner.start(config, runs.path(name)));
  },

  async resume(name: string, context: CallContext<RunnerEvent>): Promise<RunEnd> {
    const store = runs.folder(name);
    if (await hasCheckpoint(store)) return training(context, () => runner.resume(store.name));
    // Closed before its first checkpoint: it begins again, with the same settings.
    const config = checkConfig(await readJson(store, "config.json"));
    await Run.reopen(store);
    return training(context, () => runner.start(config, store.name));
  },

  /** All runs, the newest first. One that cannot be read is left out. */
  async runs(_: CallContext<never>): Promise<RunInfo[]> {
    const found: RunInfo[] = [];
    for (const name of (await runs.list()).sort().reverse()) {
      const store = runs.folder(name);
      try {
        const config = checkConfig(await readJson(store, "config.json"));
        const summary = (await isComplete(store)) ? ((await readJson(store, "summary.json")) as RunSummary) : null;
        found.push({ name, config, title: specOf(config).title, records: await readRecords(store), summary });
      } catch {
        continue;
      }
    }
    return found;
  },

  /** All trained models. @param url where the built-in one lies */
  async trained(url: string, _: CallContext<never>): Promise<{ models: ModelEntry[]; problems: string[] }> {
    offerBuiltIn(url);
    return listModels();
  },

  async addModel(fileName: string, bytes: Uint8Array, _: CallContext<never>): Promise<ModelEntry> {
    return addModel(await device.open(), fileName, bytes);
  },

  async removeModel(id: ModelId, _: CallContext<never>): Promise<void> {
    await removeModel(id);
  },

  /** @throws InputError while it is trained, here or in another tab */
  async removeRun(name: string, _: CallContext<never>): Promise<void> {
    const store = runs.folder(name);
    if (heldToken(store.name) !== undefined) throw new InputError(`${name}: is being trained: pause it first`);
    await store.lock();
    await store.unlock();
    await removeAll(runs, name);
  },

  /** A file of a run, such as best.safetensors. */
  async file(name: string, file: string, _: CallContext<never>): Promise<Uint8Array> {
    return runs.folder(name).read(file);
  },
} satisfies Methods;

export type ComputeApi = typeof compute;
