/** Models on the device, kept between questions: the next image of the same one is answered at once. */
import { Explainer } from "../../src/explain/explainer.ts";
import type { Gpu } from "../../src/gpu/gpu.ts";
import type { Explanation } from "../../src/runs/explain.ts";
import { openModel, type OpenModel } from "../../src/runs/open-model.ts";
import { InputError } from "../../src/runs/store.ts";
import type { Predictor } from "../../src/train/predictor.ts";
import { loadModel, type ModelId } from "./models.ts";

/** Which weights they are: a run's change while it is trained. */
export type Stamp = string;

/** As many stay open as are compared, and one more to change between. */
const MOST_OPEN = 3;

/** A model while it is asked: it is not closed before it is disposed of. */
export class Asked implements Disposable {
  readonly open: OpenModel;
  readonly stamp: Stamp;
  readonly gpu: Gpu;
  readonly #predictors = new Map<number, Promise<Predictor>>();
  readonly #explainers = new Map<string, Promise<Explainer>>();
  users = 0;

  constructor(gpu: Gpu, open: OpenModel, stamp: Stamp) {
    this.gpu = gpu;
    this.open = open;
    this.stamp = stamp;
  }

  predictor(batch: number): Promise<Predictor> {
    const known = this.#predictors.get(batch) ?? this.open.predictor({ batch });
    this.#predictors.set(batch, known);
    return known;
  }

  /** Of one image at a time. */
  explainer({ method, point }: Pick<Explanation, "method" | "point">): Promise<Explainer> {
    const key = `${method} ${point ?? ""}`;
    const { size } = this.open.loaded.checkpoint.config;
    const known =
      this.#explainers.get(key) ?? Explainer.create(this.gpu, this.open.model, { batch: 1, size, method, point });
    this.#explainers.set(key, known);
    return known;
  }

  async close(): Promise<void> {
    for (const explainer of this.#explainers.values()) (await explainer.catch(() => undefined))?.destroy();
    this.open[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    this.users--;
    closeIdle();
  }
}

/** The last used last. */
const kept = new Map<ModelId, Asked>();
/** Those that were replaced while they were asked. */
const replaced = new Set<Asked>();

function closeIdle(): void {
  for (const asked of replaced) {
    if (asked.users > 0) continue;
    replaced.delete(asked);
    void asked.close();
  }
  for (const [id, asked] of kept) {
    if (kept.size <= MOST_OPEN) break;
    if (asked.users > 0) continue;
    kept.delete(id);
    void asked.close();
  }
}

function keep(id: ModelId, asked: Asked): void {
  const old = kept.get(id);
  kept.delete(id);
  kept.set(id, asked);
  if (old && old !== asked) replaced.add(old);
}

/** Openings one after another, so that none is opened twice. */
let opening: Promise<unknown> = Promise.resolve();

/**
 * A model, to be disposed of when it has answered.
 * @param stamp the weights that are wanted; undefined: the newest
 * @throws InputError if a run has other weights by now; what `loadModel` and `openModel` throw
 */
export function ask(gpu: Gpu, id: ModelId, stamp?: Stamp): Promise<Asked> {
  const next = opening.then(() => find(gpu, id, stamp));
  opening = next.catch(() => undefined);
  return next;
}

async function find(gpu: Gpu, id: ModelId, stamp: Stamp | undefined): Promise<Asked> {
  const known = kept.get(id);
  const usable = known?.gpu === gpu ? known : undefined;
  // Files and the built-in model never change.
  if (usable && (stamp === undefined ? !id.startsWith("run:") : usable.stamp === stamp)) return taken(id, usable);
  const loaded = await loadModel(id);
  const found = JSON.stringify(loaded.checkpoint.position);
  if (stamp !== undefined && found !== stamp) {
    throw new InputError(`${loaded.name} has been trained on since it predicted: predict again`);
  }
  return taken(id, usable?.stamp === found ? usable : new Asked(gpu, openModel(gpu, loaded), found));
}

function taken(id: ModelId, asked: Asked): Asked {
  asked.users++;
  keep(id, asked);
  closeIdle();
  return asked;
}
