/** Where variables live on the device. */
import { GpuError, type Gpu } from "../gpu/gpu.ts";
import { requireFloats } from "../kernels/kernel.ts";
import { contains, requirePlaceless, Slab } from "./slab.ts";
import type { Residence, Variable } from "./tensor.ts";

export { requirePlaceless, Slab };

/** A range of a device buffer. */
export interface Region {
  readonly buffer: GPUBuffer;
  readonly offset: number;
  readonly bytes: number;
}

/** How often values were written; shared by the variables of a slab, which are updated together. */
interface Writes {
  count: number;
}

/** Where a variable lies on one device, from its first use there until it is released. */
export interface Home extends Residence {
  /** Replaced once an optimiser has laid the variable out in a slab. */
  region: Region;
  readonly gpu: Gpu;
  writes: Writes;
  released: boolean;
}

/** Bytes that these variables take on a device: a slab, or a range of it, among them holds its variables. */
export function bytesOnDevice(variables: Iterable<Variable>): number {
  const all = new Set(variables);
  let bytes = 0;
  for (const variable of all) {
    const slab = variable.place?.slab as Slab | undefined;
    if (!slab?.wholes.some((whole) => all.has(whole) && contains(whole, variable))) bytes += variable.bytes;
  }
  return bytes;
}

interface Store {
  readonly homes: Map<Variable, Home>;
  readonly slabs: Map<Slab, { buffer: GPUBuffer; writes: Writes; settled: Set<Variable> }>;
  /** Grows whenever a variable moves or is released. */
  moves: number;
}

const stores = new WeakMap<Gpu, Store>();

function storeOf(gpu: Gpu): Store {
  let store = stores.get(gpu);
  if (!store) stores.set(gpu, (store = { homes: new Map(), slabs: new Map(), moves: 0 }));
  return store;
}

/** A number that changes whenever a variable on `gpu` moves or is released. */
export const movesOf = (gpu: Gpu): number => storeOf(gpu).moves;

/** Where a variable lies on `gpu`; puts it there, with its initial values, on first use. */
export const regionOf = (gpu: Gpu, variable: Variable): Region => homeOf(gpu, variable).region;

/** Variables that get other values at once, and need no initial ones. */
type Overwritten = ReadonlySet<Variable>;

const NONE: Overwritten = new Set();

/** The variable's home, kept up to date; otherwise as `regionOf`. */
export function homeOf(gpu: Gpu, variable: Variable, overwritten = NONE): Home {
  const store = storeOf(gpu);
  const slab = variable.place?.slab as Slab | undefined;
  if (slab) settle(gpu, store, slab, overwritten);
  let home = store.homes.get(variable);
  if (!home && slab) {
    // A range, as all of the slab's variables have homes now.
    const { buffer, writes } = store.slabs.get(slab)!;
    home = settleAt(gpu, variable, { buffer, offset: variable.place!.offset, bytes: variable.bytes }, writes);
  }
  if (!home) {
    const region = { buffer: gpu.createStorage(variable.bytes, variable.name), offset: 0, bytes: variable.bytes };
    // First, since they may be refused: the next use must not find a home without values.
    if (!overwritten.has(variable)) writeInitial(gpu, variable, region);
    home = settleAt(gpu, variable, region, { count: 0 });
  }
  return home;
}

function settleAt(gpu: Gpu, variable: Variable, region: Region, writes: Writes): Home {
  const home: Home = { gpu, region, writes, released: false };
  storeOf(gpu).homes.set(variable, home);
  variable.residences.add(home);
  return home;
}

/**
 * Each device has its own values.
 * @throws GpuError for a variable that was changed on another device only: on `gpu` it would have its initial values
 * @throws TypeError for a parameter that is not registered with a finished module: it has no values
 */
export function requireCurrent(gpu: Gpu, variable: Variable): void {
  if (variable.unfit) throw new TypeError(variable.unfit);
  const { residences } = variable;
  if (residences.size === 0) return;
  let elsewhere = false;
  for (const { gpu: on, writes } of residences) {
    if (writes.count === 0) continue;
    if (on === gpu) return;
    elsewhere = true;
  }
  if (!elsewhere) return;
  throw new GpuError(
    "elsewhere",
    `${variable.label} was changed on another device and has no values on this one: copy them, as in ` +
      "net.loadStateDict(here, await net.stateDict(there)), or drop them with net.release(there)",
  );
}

/** @param zeroed whether the memory holds zeros */
function writeInitial(gpu: Gpu, { initial }: Variable, { buffer, offset, bytes }: Region, zeroed = true): void {
  if (initial) gpu.write(buffer, offset, initial);
  else if (!zeroed) gpu.write(buffer, offset, new Float32Array(bytes / 4));
}

/** Puts all variables of a slab into its buffer: those that lie elsewhere with their values, others with their initial values. */
function settle(gpu: Gpu, store: Store, slab: Slab, overwritten: Overwritten): void {
  let there = store.slabs.get(slab);
  if (there?.settled.size === slab.variables.length) return;
  const fresh = !there;
  if (!there) {
    const [buffer, writes] = [gpu.createStorage(4 * slab.floats, "slab"), { count: 0 }];
    store.slabs.set(slab, (there = { buffer, writes, settled: new Set() }));
    settleAt(gpu, slab.flat, { buffer, offset: 0, bytes: slab.flat.bytes }, writes);
  }
  const { buffer, writes, settled } = there;
  const encoder = gpu.device.createCommandEncoder();
  const left: GPUBuffer[] = [];
  try {
    for (const variable of slab.variables) {
      if (settled.has(variable)) continue;
      const region = { buffer, offset: variable.place!.offset, bytes: variable.bytes };
      const home = store.homes.get(variable);
      if (home) {
        encoder.copyBufferToBuffer(home.region.buffer, home.region.offset, buffer, region.offset, region.bytes);
        left.push(home.region.buffer);
        Object.assign(home, { region, writes });
      } else {
        // A variable released earlier may have left values here. Initial values that are refused leave the variable unsettled.
        if (!overwritten.has(variable)) writeInitial(gpu, variable, region, fresh);
        settleAt(gpu, variable, region, writes);
      }
      settled.add(variable);
    }
  } finally {
    if (left.length > 0) {
      store.moves++;
      gpu.submit(encoder.finish());
      for (const old of left) old.destroy();
    }
  }
}

/** A variable's current values on `gpu`. @throws GpuError, TypeError as `requireCurrent` */
export async function readVariable(gpu: Gpu, variable: Variable): Promise<Float32Array> {
  gpu.check();
  requireCurrent(gpu, variable);
  const region = regionOf(gpu, variable);
  return new Float32Array(await gpu.read(region.buffer, region.offset, region.bytes));
}

/**
 * Sets a variable's values.
 * @throws TypeError if they are not a Float32Array
 * @throws RangeError if their number is not the variable's size
 */
export const writeVariable = (gpu: Gpu, variable: Variable, values: Float32Array): void =>
  writeVariables(gpu, new Set([variable]), () => values);

/** Sets the values of several variables, whose initial values are not computed. Otherwise as `writeVariable`. */
export function writeVariables<V extends Variable>(
  gpu: Gpu,
  variables: ReadonlySet<V>,
  valuesOf: (variable: V) => Float32Array,
): void {
  gpu.check();
  for (const variable of variables) {
    const values = valuesOf(variable);
    requireFloats(variable.name, values);
    if (values.length !== variable.size) {
      throw new RangeError(`${variable.name} has ${variable.size} elements, got ${values.length}`);
    }
    const { region, writes } = homeOf(gpu, variable, variables);
    gpu.write(region.buffer, region.offset, values);
    variable.written = true;
    writes.count++;
  }
}

/** Frees these variables' buffers on `gpu`; a later use starts from the initial values. Plans using them cannot run again. */
export function releaseVariables(gpu: Gpu, released: readonly Variable[]): void {
  const store = storeOf(gpu);
  const { homes, slabs } = store;
  for (const variable of released) {
    const home = homes.get(variable);
    if (!home) continue;
    const slab = variable.place?.slab as Slab | undefined;
    if (slab?.wholes.includes(variable)) {
      releaseVariables(gpu, slab.within(variable));
      continue;
    }
    leave(variable, home);
    homes.delete(variable);
    store.moves++;
    const shared = slab && slabs.get(slab);
    if (!shared?.settled.delete(variable)) home.region.buffer.destroy();
    else if (shared.settled.size === 0) {
      for (const whole of slab!.wholes) {
        const wholeHome = homes.get(whole);
        if (wholeHome) leave(whole, wholeHome);
        homes.delete(whole);
      }
      slabs.delete(slab!);
      shared.buffer.destroy();
    }
  }
}

function leave(variable: Variable, home: Home): void {
  home.released = true;
  variable.residences.delete(home);
  if (variable.residences.size === 0) variable.written = false;
}
