/** Where an optimiser's parameters lie: in slabs, so that one dispatch updates many of them. */
import { requirePlaceless, Slab } from "../graph/storage.ts";
import { aKind, isList } from "../kernels/kernel.ts";
import type { Parameter } from "../nn/module.ts";

/** Well below the 128 MiB that WebGPU guarantees for one binding. */
const SLAB_BYTES = 64 * 2 ** 20;

/**
 * Lays parameters out in slabs, so that one dispatch updates many of them. Parameters that were used before keep their values.
 * Optimisers do this themselves; it is for those who share slabs out between several.
 * @throws RangeError if there are none, one is given twice or already belongs to a slab
 * @throws TypeError for a parameter that is not registered with a finished module
 */
export function slabsOf(parameters: readonly Parameter[]): Slab[] {
  if (!isList(parameters)) {
    throw new TypeError(`slabsOf: expected an array such as net.parameters(), got ${aKind(parameters)}`);
  }
  if (parameters.length === 0) {
    throw new RangeError("slabsOf: no parameters to train; are all modules in public properties of modules?");
  }
  const unfit = parameters.find((parameter) => parameter.unfit);
  if (unfit) throw new TypeError(`slabsOf: ${unfit.unfit}`);
  requirePlaceless(parameters);
  const slabs: Slab[] = [];
  let pending: Parameter[] = [];
  let bytes = 0;
  for (const parameter of parameters) {
    if (pending.length > 0 && bytes + parameter.bytes > SLAB_BYTES) {
      slabs.push(new Slab(pending));
      pending = [];
      bytes = 0;
    }
    pending.push(parameter);
    bytes += parameter.bytes;
  }
  if (pending.length > 0) slabs.push(new Slab(pending));
  return slabs;
}

/** Neighbours in a slab: `count` of its variables, from the one with index `first` on. */
export interface Run {
  readonly slab: Slab;
  readonly first: number;
  readonly count: number;
}

/** The whole of a slab. */
export const wholeOf = (slab: Slab): Run => ({ slab, first: 0, count: slab.variables.length });

/**
 * The fewest runs that are these parameters. Those that are in no slab yet are laid out in new ones; others may lie in those of other
 * optimisers, together with parameters that are not asked for.
 */
export function runsOf(parameters: readonly Parameter[]): Run[] {
  const fresh = parameters.filter(({ place }) => !place);
  if (fresh.length > 0) slabsOf(fresh);
  const wanted = new Set<unknown>(parameters);
  const slabs = new Set(parameters.map(({ place }) => place!.slab as Slab));
  return [...slabs].flatMap((slab) => runsWhere(wholeOf(slab), (i) => wanted.has(slab.variables[i])));
}

/** The parts of a run whose variables, by their index in the slab, are `kept`. */
export function runsWhere({ slab, first, count }: Run, kept: (index: number) => boolean): Run[] {
  const runs: Run[] = [];
  let begin: number | undefined;
  for (let i = first; i <= first + count; i++) {
    const keep = i < first + count && kept(i);
    if (keep) begin ??= i;
    else if (begin !== undefined) {
      runs.push({ slab, first: begin, count: i - begin });
      begin = undefined;
    }
  }
  return runs;
}
