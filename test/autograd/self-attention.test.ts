/** Self-attention in single steps, which shows its weights, against PyTorch's outputs and gradients for the fused one. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { selfAttentionWithWeights } from "../../src/autograd/self-attention.ts";
import { compile } from "../../src/graph/compile.ts";
import { Graph } from "../../src/graph/graph.ts";
import { checkOp } from "../support/check-op.ts";
import { useGpu } from "../support/gpu.ts";
import { slow } from "../support/selection.ts";
import { compareLine, dataFile, parseReference, parseTable } from "../support/reference.ts";

const gpu = useGpu();
const read = (file: string) => readFileSync(new URL(`../reference/${file}`, import.meta.url));
const reference = parseReference(read(dataFile("self_attention")), "self_attention");
const cases = parseTable(String(read("cases.json")))["self_attention"]!.filter(
  ({ in: inputs, params }) => !inputs["bias"] && !params!["shifted"],
);

describe("it computes what the fused attention does", () => {
  for (const c of cases) {
    test(c.name, c.name === "t17-d8" ? {} : slow, async () => {
      const comparisons = await checkOp(gpu(), "self_attention_with_weights", c, reference, { differences: true });
      expect(comparisons.length).toBe(3);
      for (const comparison of comparisons)
        expect(comparison.error, compareLine(comparison)).toBeLessThanOrEqual(comparison.bar);
    });
  }
});

test("its weights are the softmax of each query's products with all keys, head by head", async () => {
  const { data, shape } = reference.values("t17-d8").get("in.x")!;
  const [b, t, channels] = shape as [number, number, number];
  const [heads, d] = [3, channels / 9];
  const graph = new Graph();
  const { weights } = selfAttentionWithWeights(graph.input("x", shape), heads);
  const plan = await compile(gpu(), graph, { outputs: { weights } });
  const { weights: found } = await plan.run({ x: data as Float32Array });
  plan.destroy();
  expect(weights.shape).toEqual([b * heads, t, t]);
  const at = (sample: number, token: number, part: number, head: number, i: number) =>
    data[(sample * t + token) * channels + (part * heads + head) * d + i]!;
  for (let sample = 0; sample < b; sample++) {
    for (let head = 0; head < heads; head++) {
      for (let query = 0; query < t; query++) {
        const scores = Array.from({ length: t }, (_, key) => {
          let dot = 0;
          for (let i = 0; i < d; i++) dot += at(sample, query, 0, head, i) * at(sample, key, 1, head, i);
          return Math.exp(dot / Math.sqrt(d));
        });
        const total = scores.reduce((a, c) => a + c);
        const row = found.subarray(((sample * heads + head) * t + query) * t);
        for (const [key, score] of scores.entries()) expect(Math.abs(row[key]! - score / total)).toBeLessThan(1e-6);
      }
    }
  }
});

test("wrong shapes are refused", () => {
  const graph = new Graph();
  const message = "selfAttentionWithWeights: [2, 5, 12] does not divide into 3 heads of queries, keys and values";
  expect(() => selfAttentionWithWeights(graph.input("x", [2, 5, 12]), 3)).toThrow(message);
  expect(() => selfAttentionWithWeights(graph.input("y", [2, 12]), 1)).toThrow("[2, 12] does not divide into 1 heads");
  expect(() => selfAttentionWithWeights(graph.input("z", [2, 5, 12]), 0)).toThrow("heads must be a whole number");
});
