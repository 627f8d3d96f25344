/**
 * Runs one op of cases.json in the middle of a graph and compares it with PyTorch and with central differences. Also runs in a
 * browser.
 */
import { slopeError } from "../../src/autograd/gradcheck.ts";
import { gradients } from "../../src/autograd/gradients.ts";
import { mul, scale, sum } from "../../src/autograd/elementwise.ts";
import type { Gpu } from "../../src/gpu/gpu.ts";
import type { Choice } from "../../src/graph/choice.ts";
import { compile, type NamedTensors } from "../../src/graph/compile.ts";
import { Graph } from "../../src/graph/graph.ts";
import type { HostArray } from "../../src/graph/plan.ts";
import { readVariable, releaseVariables, writeVariable } from "../../src/graph/storage.ts";
import { Variable, type Tensor } from "../../src/graph/tensor.ts";
import type { Comparison } from "../../src/models/parity.ts";
import { fromTorch, ops, toTorch } from "./ops.ts";
import { relativeError, type OpCase, type Reference } from "./reference.ts";

export const FORWARD_BAR = 1e-5;
export const GRADIENT_BAR = 5e-5;
/** Bar for a difference quotient in float32, relative to the slope. */
const DIFFERENCES_BAR = 0.02;

export interface CheckOptions {
  choice?: Choice;
  /** Also compare the gradients with central differences. Not if the function has kinks at the inputs. */
  differences?: boolean;
}

/** Each differentiable input passes through a scale by this first, so that its gradient is computed mid-graph. */
const BEFORE = 2;

/** Every output and gradient in the reference, each with its relative L2 error. */
export async function checkOp(
  gpu: Gpu,
  name: string,
  testCase: OpCase,
  references: Reference,
  options: CheckOptions = {},
): Promise<Comparison[]> {
  const op = ops[name];
  if (!op) throw new Error(`test/support/ops.ts does not say how to call ${name}`);
  const reference = references.values(testCase.name);
  const params = (testCase.params ?? {}) as Record<string, never>;
  const { training } = params as { training?: unknown };
  const graph = new Graph({ training: training !== false });
  const operands: Record<string, Tensor> = {};
  const state: Record<string, Variable> = {};
  const leaves: Record<string, Tensor> = {};
  const given: Record<string, HostArray> = {};
  for (const input of Object.keys(testCase.in)) {
    const torch = reference.get(`in.${input}`)!;
    const { shape, data } = fromTorch(op, input, torch.shape, torch.data as Float32Array);
    if (op.state?.includes(input)) {
      state[input] = new Variable(input, shape, data);
      continue;
    }
    const integers = torch.data instanceof Int32Array;
    const leaf = graph.input(input, shape, integers ? "u32" : "f32");
    if (op.constant?.includes(input)) {
      operands[input] = leaf;
      given[input] = integers ? Uint32Array.from(data) : data;
    } else {
      leaves[input] = leaf;
      operands[input] = scale(leaf, BEFORE);
      given[input] = data.map((v) => v / BEFORE);
    }
  }
  const y = op.apply(operands, params, state);
  const dyTorch = reference.get("dy.y")!;
  const dy = fromTorch(op, "y", dyTorch.shape, dyTorch.data as Float32Array).data;
  const loss = sum(mul(y, graph.input("dy", y.shape)));
  const names = Object.keys(leaves);
  const grads = gradients(loss, Object.values(leaves));
  const outputs: NamedTensors = { y, ...Object.fromEntries(names.map((n, i) => [`grad.${n}`, grads[i]!])) };
  const plan = await compile(gpu, graph, { outputs, ...(options.choice ? { choice: options.choice } : {}) });
  try {
    const out = await plan.run({ ...given, dy });
    const comparisons: Comparison[] = [];
    for (const [key, { data: expected }] of reference) {
      const [kind, of] = key.split(".") as [string, string];
      if (kind !== "out" && kind !== "grad") continue;
      let ours: Float32Array | undefined;
      if (kind === "grad") ours = out[key]?.map((g) => g / BEFORE);
      else ours = of === "y" ? out["y"] : state[of] && (await readVariable(gpu, state[of]));
      const shape = (kind === "grad" ? leaves[of] : of === "y" ? y : state[of])?.shape;
      if (!ours || !shape) throw new Error(`${name} does not compute ${key}, which the reference states`);
      // A few cases are ill-conditioned on purpose; there PyTorch in float32 misses the bar too.
      const usual = kind === "grad" ? GRADIENT_BAR : FORWARD_BAR;
      const bar = op.exact ? 0 : Math.max(usual, 4 * references.float32Error(testCase.name, key));
      comparisons.push({ what: key, error: relativeError(toTorch(op, of, shape, ours), expected), bar });
    }
    if (options.differences) {
      const evaluate = async (inputs: Record<string, HostArray>): Promise<number> => {
        for (const v of Object.values(state)) writeVariable(gpu, v, v.initial!);
        const { y: values } = await plan.run({ ...inputs, dy });
        return values!.reduce((total, v, i) => total + v * dy[i]!, 0);
      };
      for (const n of names) {
        const at = (x: Float32Array) => evaluate({ ...given, [n]: x });
        const error = await slopeError(at, given[n] as Float32Array, out[`grad.${n}`]!);
        comparisons.push({ what: `grad.${n} against central differences`, error, bar: DIFFERENCES_BAR });
      }
    }
    return comparisons;
  } finally {
    plan.destroy();
    releaseVariables(gpu, Object.values(state));
  }
}
