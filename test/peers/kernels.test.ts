/** Every peer's kernels compute the same as ours, and only those are timed. */
import { expect, test } from "vitest";
import { EqualityError, relativeError } from "../../bench/equality.ts";
import { benchKernel } from "../../bench/kernels.ts";
import { batched, nameOf, type KernelCase } from "../../bench/kernels/case.ts";
import { dataOf } from "../../bench/kernels/data.ts";
import { modelCases } from "../../bench/kernels/model-cases.ts";
import { createKernel } from "../../bench/ours/kernels.ts";
import { allPeers } from "../../bench/peers/all.ts";
import { UnableError, type Peer } from "../../bench/peers/peer.ts";
import { resultsSchema } from "../../bench/results.ts";
import { useGpu } from "../support/gpu.ts";

const gpu = useGpu();
const all = modelCases(1 / 16, [64, 64]).map((c) => batched(c, 2));
const pick = (pattern: RegExp): KernelCase => all.find((c) => pattern.test(nameOf(c)))!;
const cases = [
  /-7x7s2\/forward/,
  /-7x7s2\/weightGrad/,
  /-3x3s1\/inputGrad/,
  /-3x3s1\/weightGrad/,
  /-3x3s2\/forward/,
  /-3x3s2\/inputGrad/,
  /-3x3s2\/weightGrad/,
  /-1x1s2\/inputGrad/,
  /-1-3x3s1\/inputGrad/,
  /batchNorm/,
  /resize\/4x4x\d+-8x8\/forward/,
  /resize\/4x4x\d+-8x8\/inputGrad/,
  /resize\/64x64x1-16x16\/forward/,
  /resize\/64x64x1-16x16\/inputGrad/,
  /mga/,
  /adam/,
].map(pick);

test.each(allPeers.map((peer) => [peer.name, peer] as const))("%s computes the same", async (_, peer) => {
  let compared = 0;
  for (const c of cases.filter((c) => peer.covers?.(c) ?? true)) {
    const operands = dataOf(c);
    const ours = await createKernel(gpu(), c, operands);
    const theirs = await peer.createKernel!(gpu(), c, operands);
    const [expected, actual] = [await ours.results(), await theirs.results()];
    for (const [name, values] of expected) {
      expect(relativeError([[actual.get(name)!, values]]), `${nameOf(c)}: ${name}`).toBeLessThan(1e-5);
      compared++;
    }
    await theirs.run(2);
    await ours.destroy();
    await theirs.destroy();
  }
  expect(compared).toBeGreaterThan(1);
});

const context = (...peers: Peer[]) => {
  const lines: string[] = [];
  return {
    lines,
    gpu: gpu(),
    peak: 10,
    bandwidth: 5,
    peers,
    rounds: 3,
    budgetMs: 100,
    thorough: true,
    say: (text: string) => void lines.push(text),
  };
};

const fake = (createKernel: NonNullable<Peer["createKernel"]>): Peer => ({ name: "fake", version: "1", createKernel });

test("a kernel's result holds medians, ratios and the share of the peak", async () => {
  const c = pick(/-3x3s1\/forward/);
  const result = await benchKernel(context(allPeers[0]!), c);
  expect(resultsSchema.shape.results.element.parse(result)).toEqual(result);
  expect(result.name).toBe(nameOf(c));
  expect(result.rounds).toBe(3);
  expect(result.ours.peakFraction).toBeCloseTo(result.ours.gflops / 10);
  const { "tfjs-webgpu": theirs } = result.peers;
  expect(result.ratios).toEqual({ "tfjs-webgpu": theirs!.medianMs / result.ours.medianMs });
});

test("a peer that computes something else is not timed", async () => {
  const wrong = fake(async (gpu, c, operands) => {
    const right = await createKernel(gpu, c, operands);
    const results = async () => new Map([...(await right.results())].map(([k, v]) => [k, v.map((x) => 1.001 * x)]));
    return { ...right, results };
  });
  const failing = benchKernel(context(wrong), pick(/-3x3s1\/forward/));
  await expect(failing).rejects.toThrow(EqualityError);
  await expect(failing).rejects.toThrow(
    /^fake does not compute the same as we do \(kernel\/conv2d\/.*: y: relative error 1.0e-3/,
  );
});

test("a peer that cannot compute it is left out with the reason", async () => {
  const unable = fake(() => Promise.reject(new UnableError("too large")));
  const tried = context(unable);
  const result = await benchKernel(tried, pick(/-3x3s1\/forward/));
  expect(result.leftOut).toEqual({ fake: "too large" });
  expect(result.peers).toEqual({});
  expect(tried.lines).toContain("  fake is left out: too large");
});
