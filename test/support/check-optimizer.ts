/** Runs the steps of one optimiser's case and compares parameters and state with PyTorch's. Also runs in a browser. */
import { mul, sum } from "../../src/autograd/elementwise.ts";
import type { Gpu } from "../../src/gpu/gpu.ts";
import type { Choice } from "../../src/graph/choice.ts";
import { compile } from "../../src/graph/compile.ts";
import { Graph } from "../../src/graph/graph.ts";
import { readVariable, releaseVariables, writeVariable } from "../../src/graph/storage.ts";
import type { Comparison } from "../../src/models/parity.ts";
import { Parameter, type SavedState } from "../../src/nn/module.ts";
import { Adam, AdamW } from "../../src/optim/adam.ts";
import type { Optimizer } from "../../src/optim/optimizer.ts";
import { SGD } from "../../src/optim/sgd.ts";
import { FORWARD_BAR } from "./check-op.ts";
import { relativeError, type OpCase, type Reference } from "./reference.ts";

/** A step changes a parameter only slightly: an update wrong by a few percent must not pass this bar. */
export const PARAMETER_BAR = 1e-6;

/** Options by PyTorch's names. */
type TorchOptions = Record<string, unknown>;

/** Options by our names, which optimisers check. */
export const oursOf = ({ weight_decay: weightDecay, ...rest }: TorchOptions): object =>
  weightDecay === undefined ? rest : { ...rest, weightDecay };

type Maker = (parameters: Parameter[], options: TorchOptions) => Optimizer;

/** The optimisers by their op in cases.json. */
export const optimizers: ReadonlyMap<string, Maker> = new Map<string, Maker>([
  ["adam", (parameters, options) => new Adam(parameters, oursOf(options))],
  ["adamw", (parameters, options) => new AdamW(parameters, oursOf(options))],
  ["sgd", (parameters, options) => new SGD(parameters, oursOf(options))],
]);

/** Our names of the state, by the reference's. */
const stateNames: Readonly<Record<string, string>> = {
  m: "exp_avg.p",
  v: "exp_avg_sq.p",
  momentum_buffer: "momentum_buffer.p",
};

export async function checkOptimizer(
  gpu: Gpu,
  op: string,
  testCase: OpCase,
  references: Reference,
  choice: Choice,
): Promise<Comparison[]> {
  const reference = references.values(testCase.name);
  const given = (name: string) => reference.get(`in.${name}`)?.data as Float32Array | undefined;
  const { steps, steps_before: before = 0, ...options } = testCase.params as { steps: number; steps_before?: number };
  const parameter = new Parameter(testCase.in["p"]!, "vector");
  parameter.name = "p";
  const optimizer = optimizers.get(op)!([parameter], options);
  writeVariable(gpu, parameter, given("p")!);
  const state: SavedState = await optimizer.stateDict(gpu);
  for (const [name, key] of Object.entries(stateNames)) if (given(name)) state.get(key)!.data.set(given(name)!);
  state.get("step")!.data.set([before]);
  optimizer.loadStateDict(gpu, state);
  const graph = new Graph({ training: true });
  // The gradient of this loss is g.
  const loss = sum(mul(parameter, graph.input("g", parameter.shape)));
  const plan = await compile(gpu, graph, { updates: optimizer.record(graph, loss, "hyper").updates, choice });
  try {
    const comparisons: Comparison[] = [];
    const compare = (key: string, values: Float32Array, usual: number) => {
      const expected = reference.get(key)!.data;
      const bar = Math.max(usual, 4 * references.float32Error(testCase.name, key));
      comparisons.push({ what: key, error: relativeError(values, expected), bar });
    };
    for (let i = 0; i < steps; i++) {
      await plan.run({ g: given(`g${i}`)!, hyper: optimizer.advance() });
      compare(`out.p${i + 1}`, await readVariable(gpu, parameter), PARAMETER_BAR);
    }
    const after = await optimizer.stateDict(gpu);
    for (const [name, key] of Object.entries(stateNames)) {
      if (reference.has(`out.${name}`)) compare(`out.${name}`, after.get(key)!.data, FORWARD_BAR);
    }
    return comparisons;
  } finally {
    plan.destroy();
    releaseVariables(gpu, [parameter]);
    optimizer.release(gpu);
  }
}
