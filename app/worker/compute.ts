/** The worker that owns the GPU: parity, training, prediction. The page stays free to scroll while it computes. */
import { parseSafetensors } from "../../src/data/safetensors.ts";
import type { Capabilities } from "../../src/gpu/capabilities.ts";
import { compareCase, runCase } from "../../src/models/parity.ts";
import { KeptGpu } from "../../src/web/open-gpu.ts";
import {
  addModel,
  addWeights,
  listModels,
  listWeights,
  offerBuiltIn,
  removeModel,
  type ModelEntry,
  type ModelId,
  type WeightsEntry,
} from "./models.ts";
import type { Place } from "./places.ts";
import type { Answer, ExplainRequest, PredictEvent } from "./predict.ts";
import type { ProposeEvent } from "./propose.ts";
import type { CallContext, Methods } from "./rpc.ts";
import { trainingMethods } from "./training.ts";

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

/** For all that is computed here: a second device would compile everything again. */
const device = new KeptGpu();

async function fetchBytes(url: string): Promise<Uint8Array> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: ${response.status} ${response.statusText}`);
  return new Uint8Array(await response.arrayBuffer());
}

export const compute = {
  ...trainingMethods(device),

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

  /** All trained models. @param url where the built-in one lies */
  async trained(url: string, _: CallContext<never>): Promise<{ models: ModelEntry[]; problems: string[] }> {
    offerBuiltIn(url);
    return listModels();
  },

  async addModel(fileName: string, bytes: Uint8Array, _: CallContext<never>): Promise<ModelEntry> {
    return addModel(await device.open(), fileName, bytes);
  },

  async weights(_: CallContext<never>): Promise<WeightsEntry[]> {
    return listWeights();
  },

  async addWeights(fileName: string, bytes: Uint8Array, _: CallContext<never>): Promise<ModelId> {
    return addWeights(() => device.open(), fileName, bytes);
  },

  async removeModel(id: ModelId, _: CallContext<never>): Promise<void> {
    await removeModel(id);
  },

  /** Predicts all images of the places; ends early when it is stopped. */
  async predict(model: ModelId, places: readonly Place[], context: CallContext<PredictEvent>): Promise<void> {
    // Loaded when needed.
    const { predict } = await import("./predict.ts");
    await predict(await device.open(), model, places, context);
  },

  /** Makes ready to predict a single image. */
  async warm(model: ModelId, _: CallContext<never>): Promise<void> {
    const { warm } = await import("./predict.ts");
    await warm(await device.open(), model);
  },

  /** Boxes that a model would draw. */
  async propose(model: ModelId, places: readonly Place[], context: CallContext<ProposeEvent>): Promise<void> {
    const { propose } = await import("./propose.ts");
    await propose(await device.open(), model, places, context);
  },

  /** Predicts one image, and explains it on request. @param stamp the weights that are wanted; undefined: the newest */
  async answer(
    model: ModelId,
    place: Place,
    stamp: string | undefined,
    request: ExplainRequest | undefined,
    _: CallContext<never>,
  ): Promise<Answer> {
    const { answer } = await import("./predict.ts");
    return answer(await device.open(), model, place, { stamp, request });
  },
} satisfies Methods;

export type ComputeApi = typeof compute;
