/** The trained models that there are, and the one that is asked. */
import { computed, effect, signal } from "@preact/signals";
import type { ModelEntry, ModelId, WeightsEntry } from "../worker/models.ts";
import { computeWorker } from "./engine.ts";
import { messageOf, say } from "./messages.ts";

/** Undefined before they were listed. */
export const models = signal<readonly ModelEntry[] | undefined>(undefined);
/** Weights of other programs that a training can begin from; undefined before they were listed. */
export const weights = signal<readonly WeightsEntry[] | undefined>(undefined);
/** Of the list; the first where the chosen one is gone. */
const chosen = signal<ModelId | undefined>(undefined);

export const model = computed(() => models.value?.find(({ id }) => id === chosen.value) ?? models.value?.[0]);

/** The chosen model, once the list is known; undefined if there is none. */
export function modelWhenListed(): Promise<ModelEntry | undefined> {
  return new Promise((resolve) => {
    const stop = effect(() => {
      if (!models.value) return;
      resolve(model.value);
      queueMicrotask(() => stop());
    });
  });
}

export function chooseModel(id: ModelId): void {
  chosen.value = id;
}

const builtIn = (): string => new URL("./model.safetensors", document.baseURI).href;

export async function listModels(): Promise<void> {
  try {
    const { models: found, problems } = await computeWorker().trained(builtIn());
    models.value = found;
    for (const problem of problems) say(problem);
  } catch (error) {
    say(messageOf(error));
  }
}

/** Keeps checkpoint files, and chooses the last. */
export async function addModels(files: readonly File[]): Promise<void> {
  for (const file of files) {
    try {
      const { id } = await computeWorker().addModel(file.name, new Uint8Array(await file.arrayBuffer()));
      chosen.value = id;
    } catch (error) {
      say(messageOf(error));
    }
  }
  await listModels();
}

export async function removeModel(id: ModelId): Promise<void> {
  try {
    await computeWorker().removeModel(id);
  } catch (error) {
    say(messageOf(error));
  }
  await listModels();
}

export async function listWeights(): Promise<void> {
  try {
    weights.value = await computeWorker().weights();
  } catch (error) {
    say(messageOf(error));
  }
}

/** Keeps a file that a training may begin from. @returns its id; undefined if it is none, which is said */
export async function addWeights(file: File): Promise<ModelId | undefined> {
  try {
    const id = await computeWorker().addWeights(file.name, new Uint8Array(await file.arrayBuffer()));
    await (id.startsWith("weights:") ? listWeights() : listModels());
    return id;
  } catch (error) {
    say(messageOf(error));
    return undefined;
  }
}

export async function removeWeights(id: ModelId): Promise<void> {
  await removeModel(id);
  await listWeights();
}
