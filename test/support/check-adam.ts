/** Runs the steps of one Adam case and compares parameters and moments with PyTorch's. Also runs in a browser. */
import { mul, sum } from "../../src/autograd/elementwise.ts";
import type { Gpu } from "../../src/gpu/gpu.ts";
import type { Choice } from "../../src/graph/choice.ts";
import { compile } from "../../src/graph/compile.ts";
import { Graph } from "../../src/graph/graph.ts";
import { readVariable, releaseVariables, writeVariable } from "../../src/graph/storage.ts";
import { Parameter } from "../../src/nn/module.ts";
import { Adam, slabsOf } from "../../src/optim/adam.ts";
import type { Comparison } from "../../src/models/parity.ts";
import { FORWARD_BAR } from "./check-op.ts";
import { relativeError, type OpCase, type Reference } from "./reference.ts";

/** A step changes a parameter only slightly: an update wrong by a few percent must not pass this bar. */
const PARAMETER_BAR = 1e-6;

export async function checkAdam(
  gpu: Gpu,
  testCase: OpCase,
  references: Reference,
  choice: Choice,
): Promise<Comparison[]> {
  const reference = references.values(testCase.name);
  const given = (name: string) => reference.get(`in.${name}`)?.data as Float32Array | undefined;
  const { steps, steps_before: before = 0, ...options } = testCase.params as Record<string, number>;
  const parameter = new Parameter(testCase.in["p"]!, "vector");
  parameter.name = "p";
  const adam = new Adam(slabsOf([parameter]), options);
  const { m, v } = adam.moments[0]!;
  writeVariable(gpu, parameter, given("p")!);
  for (const [moment, values] of [
    [m, given("m")],
    [v, given("v")],
  ] as const) {
    // The moments cover the whole slab, which is longer.
    const whole = new Float32Array(moment.size);
    whole.set(values ?? []);
    writeVariable(gpu, moment, whole);
  }
  adam.steps = before;
  const graph = new Graph({ training: true });
  // The gradient of this loss is g.
  const loss = sum(mul(parameter, graph.input("g", parameter.shape)));
  const plan = await compile(gpu, graph, { updates: adam.record(graph, loss).updates, choice });
  try {
    const comparisons: Comparison[] = [];
    const compare = (key: string, ours: Float32Array, usual: number) => {
      const expected = reference.get(key)!.data;
      const bar = Math.max(usual, 4 * references.float32Error(testCase.name, key));
      comparisons.push({ what: key, error: relativeError(ours.subarray(0, expected.length), expected), bar });
    };
    for (let i = 0; i < steps!; i++) {
      await plan.run({ g: given(`g${i}`)!, adam: adam.advance() });
      compare(`out.p${i + 1}`, await readVariable(gpu, parameter), PARAMETER_BAR);
    }
    compare("out.m", await readVariable(gpu, m), FORWARD_BAR);
    compare("out.v", await readVariable(gpu, v), FORWARD_BAR);
    return comparisons;
  } finally {
    plan.destroy();
    releaseVariables(gpu, [parameter, m, v]);
  }
}
