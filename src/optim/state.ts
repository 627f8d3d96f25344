/** An optimiser's state by parameter, in PyTorch's names and layouts. */
import type { Gpu } from "../gpu/gpu.ts";
import { readVariable, writeVariable, type Slab } from "../graph/storage.ts";
import { fromTorch, savedTensor, torchShape } from "../nn/layout.ts";
import type { Parameter } from "../nn/parameter.ts";
import { requireMap, StateDictError, valuesIn, type GivenState, type SavedState } from "../nn/state-dict.ts";
import type { Run } from "./slabs.ts";

/** What is kept for the parameters of a run: of each kind one tensor for each of them, in their order. */
export interface Kept {
  readonly run: Run;
  readonly state: readonly {
    /** PyTorch's name, such as exp_avg. */
    readonly key: string;
    readonly name: string;
    readonly slab: Slab;
  }[];
}

const STEP = "step";

/** What cannot be negative: a mean of squares. */
const SQUARES = "exp_avg_sq";

interface Entry {
  readonly name: string;
  readonly key: string;
  readonly parameter: Parameter;
  /** The slab of the state, and the element at which it begins there. */
  readonly slab: Slab;
  readonly begin: number;
}

/** @throws RangeError if two parameters have one name */
function entriesOf(op: string, kept: readonly Kept[]): Entry[] {
  const entries = kept.flatMap(({ run, state }) =>
    state.flatMap(({ key, slab }) =>
      slab.offsets.map((begin, i): Entry => {
        const parameter = run.slab.variables[run.first + i] as Parameter;
        return { name: `${key}.${parameter.name}`, key, parameter, slab, begin };
      }),
    ),
  );
  const names = new Set<string>();
  for (const { name, parameter } of entries) {
    if (names.has(name)) {
      throw new RangeError(`${op}: two parameters are called ${parameter.name}, so their state cannot be told apart`);
    }
    names.add(name);
  }
  return entries;
}

/** @throws RangeError, GpuError as `Optimizer.stateDict` */
export async function readState(gpu: Gpu, op: string, kept: readonly Kept[], steps: number): Promise<SavedState> {
  const entries = entriesOf(op, kept);
  const flats = new Map<Slab, Float32Array>();
  for (const { slab } of entries) if (!flats.has(slab)) flats.set(slab, await readVariable(gpu, slab.flat));
  const state: SavedState = new Map();
  for (const { name, parameter: p, slab, begin } of entries) {
    state.set(name, savedTensor(flats.get(slab)!.slice(begin, begin + p.size), p));
  }
  return state.set(STEP, { dtype: "F32", shape: [], data: Float32Array.of(steps) });
}

/** Writes the state and returns the number of steps. @throws StateDictError, RangeError as `Optimizer.loadStateDict` */
export function writeState(gpu: Gpu, op: string, kept: readonly Kept[], given: GivenState): number {
  const fail = (what: string) => new StateDictError(`${op}: ${what}`);
  requireMap(given, `${op}: `);
  const entries = entriesOf(op, kept);
  const known = new Set([STEP, ...entries.map(({ name }) => name)]);
  for (const name of given.keys()) if (!known.has(name)) throw fail(`${name} is not part of this optimiser's state`);
  const floats = (name: string, shape: readonly number[]): Float32Array => {
    const values = valuesIn(given, name, shape, "the parameter is", `${op}: `);
    const bad = values.find((value) => !Number.isFinite(value));
    if (bad !== undefined) throw fail(`${name} contains ${bad}`);
    return values;
  };
  const [steps] = floats(STEP, []) as unknown as [number];
  if (!(Number.isSafeInteger(steps) && steps >= 0)) throw fail(`${STEP} must be a whole number, got ${steps}`);
  const flats = new Map<Slab, Float32Array>();
  for (const { name, key, parameter, slab, begin } of entries) {
    const { shape, layout } = parameter;
    const values = floats(name, torchShape(shape, layout));
    const negative = key === SQUARES ? values.find((value) => value < 0) : undefined;
    if (negative !== undefined) throw fail(`${name} contains a negative mean square, ${negative}`);
    let flat = flats.get(slab);
    if (!flat) flats.set(slab, (flat = new Float32Array(slab.floats)));
    flat.set(fromTorch(values, shape, layout), begin);
  }
  for (const [slab, flat] of flats) writeVariable(gpu, slab.flat, flat);
  return steps;
}
