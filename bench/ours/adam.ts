/** Our Adam by itself, on slabs as the training step lays them out. */
import type { Gpu } from "../../src/gpu/gpu.ts";
import { Graph } from "../../src/graph/graph.ts";
import { readVariable, releaseVariables, writeVariable, type Slab } from "../../src/graph/storage.ts";
import { adamKernel } from "../../src/kernels/adam.ts";
import { Parameter } from "../../src/nn/module.ts";
import { Adam, adamDefaults, slabsOf } from "../../src/optim/adam.ts";
import { ADAM_LR } from "../kernels/case.ts";
import type { Operands } from "../kernels/data.ts";
import { PlanRun, type OurKernel } from "./plan-run.ts";

export async function createAdam(gpu: Gpu, operands: Operands): Promise<OurKernel> {
  const parameters = [...operands.keys()]
    .filter((name) => name.startsWith("p"))
    .map((name) => {
      const parameter = new Parameter(operands.get(name)!.shape, "vector");
      parameter.name = name;
      return parameter;
    });
  const adam = new Adam(slabsOf(parameters), { ...adamDefaults, lr: ADAM_LR });
  for (const p of parameters) writeVariable(gpu, p, operands.get(p.name)!.data);
  const graph = new Graph({ training: true });
  const [hyper, guard] = [graph.input("adam", [2]), graph.input("guard", [1])];
  const inputs: Record<string, Float32Array> = { adam: adam.advance().slice(), guard: new Float32Array(1) };
  const updates = adam.slabs.map((slab, i) => {
    const gradient = graph.input(`gradient ${i}`, [slab.floats]);
    inputs[`gradient ${i}`] = flatten(slab, operands);
    const { m, v } = adam.moments[i]!;
    graph.record(adamKernel(slab.floats, adam.options), [gradient, hyper, guard], { updates: [slab.flat, m, v] });
    return graph.nodes.at(-1)!;
  });
  const plan = await PlanRun.create(gpu, { graph, updates }, inputs);
  return {
    bytes: plan.bytes,
    async results() {
      await plan.run(1);
      const results = new Map<string, Float32Array>();
      for (const p of parameters) results.set(p.name, await readVariable(gpu, p));
      return results;
    },
    run: (times) => plan.run(times),
    destroy() {
      plan.destroy();
      releaseVariables(gpu, [...parameters, ...adam.slabs.map(({ flat }) => flat), ...adam.state.map(([, v]) => v)]);
    },
  };
}

/** The gradients of a slab's parameters, each in its parameter's place. */
function flatten({ variables, offsets, floats }: Slab, operands: Operands): Float32Array {
  const flat = new Float32Array(floats);
  for (const [i, { name }] of variables.entries()) flat.set(operands.get(name.replace("p", "g"))!.data, offsets[i]);
  return flat;
}
