/** Variables on the device. */
import { alignUp, type Gpu } from "../gpu/gpu.ts";
import { PACK_ALIGNMENT } from "./graph.ts";
import { Variable } from "./tensor.ts";

/** A stretch of a device buffer. */
export interface Region {
  readonly buffer: GPUBuffer;
  readonly offset: number;
  readonly bytes: number;
}

/** Variables behind each other in one buffer, so that one dispatch can update all of them. */
export class Slab {
  readonly variables: readonly Variable[];
  /** Element at which each variable begins. */
  readonly offsets: readonly number[];
  /** Elements in all, gaps included. */
  readonly floats: number;
  /** The whole slab as one variable. */
  readonly flat: Variable;

  /** @throws RangeError if a variable has a place in another slab, or is on a device already */
  constructor(variables: readonly Variable[]) {
    const offsets: number[] = [];
    let bytes = 0;
    for (const variable of variables) {
      if (variable.place) throw new RangeError(`variable ${variable.name} lies in another slab`);
      offsets.push(bytes / 4);
      variable.place = { slab: this, offset: bytes };
      bytes += alignUp(variable.bytes, PACK_ALIGNMENT);
    }
    this.variables = variables;
    this.offsets = offsets;
    this.floats = bytes / 4;
    this.flat = new Variable("slab", [this.floats]);
    this.flat.place = { slab: this, offset: 0 };
  }
}

const stores = new WeakMap<Gpu, { variables: Map<Variable, Region>; slabs: Map<object, GPUBuffer> }>();

function storeOf(gpu: Gpu) {
  let store = stores.get(gpu);
  if (!store) stores.set(gpu, (store = { variables: new Map(), slabs: new Map() }));
  return store;
}

/** Where a variable lies on `gpu`; puts it there, with its initial values, on first use. */
export function regionOf(gpu: Gpu, variable: Variable): Region {
  const { variables } = storeOf(gpu);
  let region = variables.get(variable);
  if (!region) {
    const buffer = variable.place
      ? slabBuffer(gpu, variable.place.slab as Slab)
      : gpu.createStorage(variable.bytes, variable.name);
    region = { buffer, offset: variable.place?.offset ?? 0, bytes: variable.bytes };
    variables.set(variable, region);
    const { initial } = variable;
    if (initial) gpu.device.queue.writeBuffer(buffer, region.offset, initial as Float32Array<ArrayBuffer>);
  }
  return region;
}

function slabBuffer(gpu: Gpu, slab: Slab): GPUBuffer {
  const { slabs } = storeOf(gpu);
  let buffer = slabs.get(slab);
  if (!buffer) slabs.set(slab, (buffer = gpu.createStorage(4 * slab.floats, "slab")));
  return buffer;
}

/** A variable's present values. */
export async function readVariable(gpu: Gpu, variable: Variable): Promise<Float32Array> {
  const region = regionOf(gpu, variable);
  return new Float32Array(await gpu.read(region.buffer, region.offset, region.bytes));
}

/** Sets a variable's values. */
export function writeVariable(gpu: Gpu, variable: Variable, values: Float32Array): void {
  if (values.length !== variable.size) {
    throw new RangeError(`${variable.name} has ${variable.size} elements, got ${values.length}`);
  }
  const region = regionOf(gpu, variable);
  gpu.device.queue.writeBuffer(region.buffer, region.offset, values as Float32Array<ArrayBuffer>);
}

/** Frees the buffers of these variables on `gpu`; a later use starts from the initial values again. */
export function releaseVariables(gpu: Gpu, released: readonly Variable[]): void {
  const { variables, slabs } = storeOf(gpu);
  for (const variable of released) {
    const region = variables.get(variable);
    if (!region) continue;
    region.buffer.destroy();
    variables.delete(variable);
    if (!variable.place) continue;
    slabs.delete(variable.place.slab);
    variables.delete((variable.place.slab as Slab).flat);
  }
}
