import { describe, expect, it } from "vitest";
import { mul, sum } from "../../src/autograd/elementwise.ts";
import { gradients } from "../../src/autograd/gradients.ts";
import { split } from "../../src/autograd/spatial.ts";
import { compile } from "../../src/graph/compile.ts";
import { Graph } from "../../src/graph/graph.ts";
import type { Tensor } from "../../src/graph/tensor.ts";
import { ShapeError } from "../../src/kernels/kernel.ts";
import { useGpu } from "../support/gpu.ts";

const gpu = useGpu();

describe("split", () => {
  const cases: number[][] = [[3, 5, 1], [4, 8], [8, 2, 6], [7]];
  for (const sizes of cases) {
    it(`cuts channels into ${sizes.join(" + ")}, and its gradient puts them together again`, async () => {
      const c = sizes.reduce((a, b) => a + b, 0);
      const shape = [2, 3, 2, c];
      const graph = new Graph();
      const x = graph.input("x", shape);
      const parts = split(x, sizes);
      // The last part has no part in the loss, unless it is the only one.
      const used = parts.slice(0, Math.max(1, parts.length - 1));
      const terms = used.map((part, i) => sum(mul(part, graph.input(`dy${i}`, part.shape))));
      const grads = terms.map((term) => gradients(term, [x])[0]!);
      const outputs: Record<string, Tensor> = {};
      for (const [i, part] of parts.entries()) outputs[`y${i}`] = part;
      for (const [i, grad] of grads.entries()) outputs[`dx${i}`] = grad;
      const plan = await compile(gpu(), graph, { outputs });
      const values = Float32Array.from({ length: 12 * c }, (_, i) => i + 0.5);
      const dys = used.map((part, k) => Float32Array.from({ length: part.size }, (_, i) => Math.sin(i + k)));
      const out = await plan.run({ x: values, ...Object.fromEntries(dys.map((dy, i) => [`dy${i}`, dy])) });
      let offset = 0;
      for (const [k, size] of sizes.entries()) {
        const expected = Array.from(
          { length: 12 * size },
          (_, i) => values[Math.floor(i / size) * c + offset + (i % size)]!,
        );
        expect([...out[`y${k}`]!]).toEqual(expected);
        if (k < used.length) {
          const dx = Array.from({ length: 12 * c }, (_, i) => {
            const channel = (i % c) - offset;
            return channel >= 0 && channel < size ? dys[k]![Math.floor(i / c) * size + channel]! : 0;
          });
          expect([...out[`dx${k}`]!]).toEqual(dx);
        }
        offset += size;
      }
      plan.destroy();
    });
  }

  it("refuses sizes that do not add up", () => {
    const graph = new Graph();
    expect(() => split(graph.input("x", [1, 2, 2, 6]), [2, 3])).toThrow(ShapeError);
  });
});
