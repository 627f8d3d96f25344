/** Which adapters the workers of a study take. */
import { availableParallelism } from "node:os";
import { adapterNamed, adapterNames } from "../node/dawn.ts";
import { plural } from "../report/show.ts";
import { withGpu, type GpuOption } from "./gpu.ts";

export interface WorkersAdapters {
  /** The workers take them in turn. */
  adapters: string[];
  software: boolean;
  /** What was decided, and what cannot be had. */
  notes: string[];
}

/**
 * The adapters that --adapter names, positions or parts of names separated by commas; else all graphics cards that can be told apart.
 * @throws AdapterError for a name that no adapter has
 */
export async function adaptersFor({
  adapter,
  workers = 1,
}: GpuOption & { workers?: number }): Promise<WorkersAdapters> {
  const names = await adapterNames();
  const parts = adapter?.split(",").map((name) => name.trim()) ?? [];
  const asked = await Promise.all(parts.map((part) => adapterNamed(part, names)));
  const software = await isSoftware(asked[0]);
  if (asked.length > 0) {
    for (const name of asked) await isSoftware(name);
    return { adapters: asked, software, notes: sharing(asked, names, { workers, software }) };
  }
  if (software) return { adapters: [], software, notes: sharing([], names, { workers, software }) };
  // The fastest is no software adapter, so those that are can be left out.
  const cards: string[] = [];
  for (const name of new Set(names)) if (!(await isSoftware(name))) cards.push(name);
  return { adapters: cards, software, notes: sharing(cards, names, { workers, software }) };
}

const isSoftware = (adapter: string | undefined): Promise<boolean> =>
  withGpu(adapter === undefined ? {} : { adapter }, (gpu) => Promise.resolve(gpu.caps.adapterClass === "software"));

/** What workers that have to share an adapter should know. */
export function sharing(
  adapters: readonly string[],
  all: readonly string[],
  { workers, software }: { workers: number; software: boolean },
): string[] {
  if (software) {
    const cores = availableParallelism();
    return [`${plural(workers, "worker")} on a software adapter: they share the ${cores} cores`];
  }
  const notes = [`${plural(workers, "worker")} on ${adapters.join(", ")}`];
  for (const name of adapters) {
    const same = all.filter((other) => other.includes(name)).length;
    if (same < 2) continue;
    notes.push(
      `${same} cards have ${name} in their names: WebGPU on Node takes the first of them for every worker. To use each, let a process see only its own: Slurm does (--slurm), so do containers with one card each`,
    );
  }
  return notes;
}
