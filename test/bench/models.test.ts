/** Training steps in a process of their own. */
import { expect, test } from "vitest";
import { StepError, stepsOf } from "../../bench/models.ts";
import { networkNamed } from "../../bench/networks.ts";

test("a network's steps are timed in a process of their own, which tells its memory", async () => {
  const config = { ...networkNamed("resnet34", "quick", 2), width: 1 / 16, size: [32, 64] as [number, number] };
  const figures = await stepsOf("model/small", { config, steps: 2 });
  expect(figures.stepMs.length).toBe(2);
  for (const value of [...figures.stepMs, figures.compileMs]) expect(value).toBeGreaterThan(0);
  // Three passes of the convolutions, the weights and Adam's two moments, and whatever Node itself takes.
  expect(figures.flops).toBeGreaterThan(1e6);
  expect(figures.variables).toBeGreaterThan(figures.activations / 100);
  expect(figures.process).toBeGreaterThan(figures.activations + figures.variables);
});

test("what it cannot do is said in one line, with the benchmark's name", async () => {
  const config = { ...networkNamed("inception_v3", "quick", 2), size: [64, 64] as [number, number] };
  const refused = stepsOf("model/inception_v3", { config, steps: 1 });
  await expect(refused).rejects.toThrow(StepError);
  await expect(refused).rejects.toThrow(
    /^model\/inception_v3: Inception: images must be at least 75×75 pixels, got 64×64$/,
  );
});
