/** One kernel of a graph as a plan of its own, on random operands. */
import type { Gpu } from "../../src/gpu/gpu.ts";
import { Graph } from "../../src/graph/graph.ts";
import { readVariable, releaseVariables } from "../../src/graph/storage.ts";
import { Variable } from "../../src/graph/tensor.ts";
import { sizeOf, type HostArray, type HostValues, type Kernel, type Spec } from "../../src/kernels/kernel.ts";
import { randomStream } from "../../src/nn/random.ts";
import { PlanRun } from "./plan-run.ts";

/** Numbers repeat after so many, a prime, so that they are soon made and no two rows of an operand are alike. */
const PERIOD = 65521;

export interface OurOp {
  /** Bytes that it reads and writes at least. */
  readonly bytes: number;
  /** Runs it and brings back what it computes of f32: outputs, then updates. To be called before `run`. */
  results(): Promise<HostValues>;
  run(times: number): Promise<void>;
  destroy(): void;
}

/** @param options plain: the plain variant */
export async function createOp(gpu: Gpu, kernel: Kernel, { plain = false } = {}): Promise<OurOp> {
  const graph = new Graph({ training: true });
  const inputs = kernel.inputs.map(({ shape, dtype }, i) => graph.input(`input ${i}`, shape, dtype));
  const updates = kernel.updates.map((spec, i) => {
    return new Variable(`update ${i}`, spec.shape, randomValues(spec, `update ${i}`) as Float32Array);
  });
  // A run returns f32 only.
  const outputs = graph.record(kernel, inputs, { updates }).filter(({ dtype }) => dtype === "f32");
  const recorded = {
    graph,
    plain,
    outputs: Object.fromEntries(outputs.map((tensor, i) => [`output ${i}`, tensor])),
    updates: updates.length > 0 ? graph.nodes : [],
  };
  const values = kernel.inputs.map((spec, i) => [`input ${i}`, randomValues(spec, `input ${i}`)] as const);
  const plan = await PlanRun.create(gpu, recorded, Object.fromEntries(values));
  return {
    bytes: plan.bytes,
    async results() {
      const out = await plan.results();
      const changed = await Promise.all(updates.map((variable) => readVariable(gpu, variable)));
      return [...outputs.map((_, i) => out.get(`output ${i}`)!), ...changed];
    },
    run: (times) => plan.run(times),
    destroy() {
      plan.destroy();
      releaseVariables(gpu, updates);
    },
  };
}

/** From -1 to 1; 0 and 1, valid as a class and as the index of a maximum, where the operand holds u32. */
function randomValues({ shape, dtype }: Spec, name: string): HostArray {
  const random = randomStream(0, name);
  const values = dtype === "u32" ? new Uint32Array(sizeOf(shape)) : new Float32Array(sizeOf(shape));
  const draw = () => (dtype === "u32" ? Math.round(random.uniform()) : 2 * random.uniform() - 1);
  for (let i = 0; i < values.length; i++) values[i] = i < PERIOD ? draw() : values[i - PERIOD]!;
  return values;
}
