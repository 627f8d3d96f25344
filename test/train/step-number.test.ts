/** A phase that names "step" is told the number of each training step, counted as Adam counts. */
import { expect, test } from "vitest";
import { dropout } from "../../src/autograd/dropout.ts";
import { mean, sum } from "../../src/autograd/elementwise.ts";
import type { Batch } from "../../src/data/sample.ts";
import { compile } from "../../src/graph/compile.ts";
import { Graph } from "../../src/graph/graph.ts";
import type { Tensor } from "../../src/graph/tensor.ts";
import type { Phase } from "../../src/models/model.ts";
import type { BatchTensors } from "../../src/models/spec.ts";
import { initialValues } from "../../src/nn/init.ts";
import { Linear } from "../../src/nn/layers.ts";
import { Adam, adamDefaults, slabsOf } from "../../src/optim/adam.ts";
import { DivergedError } from "../../src/loop/diverged.ts";
import { TrainingStep } from "../../src/train/step.ts";
import { useGpu } from "../support/gpu.ts";

const gpu = useGpu();
const [n, h, w] = [2, 3, 5] as const;
const options = { batch: n, size: [h, w] as const };
const dropped = (image: Tensor, step: Tensor | undefined) => dropout(image, { p: 0.5, layer: 3, seed: 11, step });

function makeBatch(): Batch {
  const image = Float32Array.from({ length: n * h * w * 3 }, (_, i) => 1 + Math.sin(i));
  return { image, label: new Uint32Array(n), target: new Float32Array(n * h * w), ids: ["a", "b"] };
}

/** A phase whose losses tell which values were kept. */
function makePhase(): Phase {
  const fc = new Linear(3, 1);
  fc.finish(initialValues(0));
  return {
    name: "training",
    title: "Training",
    inputs: ["step"],
    best: undefined,
    classifies: false,
    learningRate: 1e-3,
    slabs: slabsOf(fc.parameters()),
    record({ image, step }: BatchTensors) {
      const kept = dropped(image, step);
      return { loss: mean(fc.forward(kept)), terms: { drawn: sum(kept) } };
    },
    infer: () => ({}),
  };
}

/** The sum of what is kept in these steps. */
async function expectedOf(steps: readonly number[], { image }: Batch): Promise<number[]> {
  const graph = new Graph({ training: true });
  const y = sum(dropped(graph.input("image", [n, h, w, 3]), graph.input("step", [1], "u32")));
  const plan = await compile(gpu(), graph, { outputs: { y } });
  const sums: number[] = [];
  for (const step of steps) sums.push((await plan.run({ image, step: Uint32Array.of(step) }))["y"][0]!);
  plan.destroy();
  return sums;
}

test("from 1 on; at once, two steps at a time, and resumed", async () => {
  const [phase, batch] = [makePhase(), makeBatch()];
  const expected = await expectedOf([1, 2, 3, 4, 5, 6], batch);
  expect(new Set(expected).size).toBe(6);
  const adam = new Adam(phase.slabs, adamDefaults);
  const step = await TrainingStep.create(gpu(), phase, adam, options);
  expect((await step.run(batch, 1e-3)).losses["drawn"]).toBe(expected[0]);
  // Neither counts.
  await step.profile(gpu(), batch);
  expect(await step.diagnose(batch, 1)).toBeInstanceOf(DivergedError);
  const both = await Promise.all([step.run(batch, 1e-3), step.run(batch, 1e-3)]);
  expect(both.map(({ losses }) => losses["drawn"])).toEqual(expected.slice(1, 3));
  step.plan.destroy();
  // As a checkpoint sets it.
  const later = new Adam(phase.slabs, adamDefaults);
  later.steps = 4;
  const resumed = await TrainingStep.create(gpu(), phase, later, options);
  expect((await resumed.run(batch, 1e-3)).losses["drawn"]).toBe(expected[4]);
  expect((await resumed.run(batch, 1e-3)).losses["drawn"]).toBe(expected[5]);
  resumed.plan.destroy();
});

test("the same values are kept when the backward pass computes them again", async () => {
  const batch = makeBatch();
  const losses = async (recompute: boolean) => {
    const phase = makePhase();
    const step = await TrainingStep.create(gpu(), phase, new Adam(phase.slabs, adamDefaults), {
      ...options,
      recompute,
    });
    const found = [];
    for (let i = 0; i < 3; i++) found.push((await step.run(batch, 1e-2)).losses);
    step.plan.destroy();
    return found;
  };
  expect(await losses(true)).toEqual(await losses(false));
});
