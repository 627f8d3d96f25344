/** Several steps of the optimisers over groups of parameters, with clipping, against PyTorch. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { mul, sum, add } from "../../src/autograd/elementwise.ts";
import { parseSafetensors } from "../../src/data/safetensors.ts";
import { compile } from "../../src/graph/compile.ts";
import { Graph } from "../../src/graph/graph.ts";
import { readVariable, writeVariable } from "../../src/graph/storage.ts";
import { Parameter } from "../../src/nn/module.ts";
import { oursOf, optimizers, PARAMETER_BAR } from "../support/check-optimizer.ts";
import { FORWARD_BAR } from "../support/check-op.ts";
import { useGpu } from "../support/gpu.ts";
import { relativeError } from "../support/reference.ts";

const gpu = useGpu();

describe("several steps agree with PyTorch in float64", () => {
  const file = "test/reference/data/optimizers.safetensors";
  const { tensors, metadata } = parseSafetensors(readFileSync(file), file);
  const shapes = Object.entries(JSON.parse(metadata["shapes"]!) as Record<string, number[]>);
  interface Case {
    rule: string;
    options: Record<string, unknown>;
    clip: number | null;
    b: Record<string, unknown> | null;
    c: Record<string, unknown> | null;
    unused: string;
  }
  const cases = JSON.parse(metadata["cases"]!) as Record<string, Case>;
  const dataOf = (name: string) => tensors.get(name)!.data as Float32Array;
  const sizes = shapes.map(([, shape]) => shape.reduce((x, y) => x * y, 1));
  const count = sizes.reduce((x, y) => x + y);
  /** The part of each parameter, by name. */
  const split = (values: Float32Array) => {
    let at = 0;
    return new Map(shapes.map(([name], i) => [name, values.slice(at, (at += sizes[i]!))]));
  };
  const row = (values: Float32Array, step: number) => values.subarray(step * count, (step + 1) * count);

  test.each(Object.entries(cases))("%s", async (name, { rule, options, clip, b, c, unused }) => {
    const parameters = shapes.map(([name, shape]) => Object.assign(new Parameter(shape, "vector"), { name }));
    const start = split(dataOf("p"));
    for (const parameter of parameters) writeVariable(gpu(), parameter, start.get(parameter.name)!);
    const groups = [b, c].flatMap((group, i) =>
      group ? [{ parameters: [parameters[1 + i]!], ...oursOf(group) }] : [],
    );
    const skip = unused ? { unusedParameters: "skip" } : {};
    const clipping = clip === null ? {} : { clip };
    const optimizer = optimizers.get(rule.toLowerCase())!(parameters, { ...options, ...clipping, groups, ...skip });
    const graph = new Graph({ training: true });
    const terms = parameters
      .filter((p) => !unused.includes(p.name))
      .map((p) => sum(mul(p, graph.input(`g.${p.name}`, p.shape))));
    const recorded = optimizer.record(graph, terms.reduce(add));
    expect(recorded.unused.map((p) => p.name).join("")).toBe(unused);
    expect(recorded.norm === undefined).toBe(clip === null);
    const outputs = recorded.norm ? { norm: recorded.norm } : {};
    const plan = await compile(gpu(), graph, { outputs, updates: recorded.updates });
    for (let step = 0; step < dataOf("g").length / count; step++) {
      const given = [...split(row(dataOf("g"), step))].map(([key, values]) => [`g.${key}`, values] as const);
      const used = given.filter(([key]) => graph.inputs.has(key));
      const { norm } = await plan.run({ ...Object.fromEntries(used), [rule.toLowerCase()]: optimizer.advance() });
      if (norm) expect(relativeError(norm, [dataOf(`${name}.norm`)[step]!])).toBeLessThanOrEqual(FORWARD_BAR);
      const expected = split(row(dataOf(`${name}.p`), step));
      for (const p of parameters) {
        const error = relativeError(await readVariable(gpu(), p), expected.get(p.name)!);
        expect(error, `${p.name} after step ${step}`).toBeLessThanOrEqual(PARAMETER_BAR);
      }
    }
    const state = await optimizer.stateDict(gpu());
    let compared = 1;
    for (const key of ["exp_avg", "exp_avg_sq", "momentum_buffer"]) {
      if (!tensors.has(`${name}.${key}`)) continue;
      for (const [of, values] of split(dataOf(`${name}.${key}`))) {
        const ours = state.get(`${key}.${of}`);
        // A group without momentum has no buffer; the reference has zeros.
        if (!ours) expect(values.every((value) => value === 0)).toBe(true);
        else expect(relativeError(ours.data, values), `${key}.${of}`).toBeLessThanOrEqual(FORWARD_BAR);
        compared += ours ? 1 : 0;
      }
    }
    expect(compared).toBe(state.size);
    plan.destroy();
    optimizer.release(gpu());
  });
});
