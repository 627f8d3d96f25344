import { describe, expect, it } from "vitest";
import { selectVariants, type Candidates } from "../../../src/graph/passes/variant-selection.ts";
import type { Lowering } from "../../../src/kernels/kernel.ts";

const variant = (name: string, estimate: number | undefined, ...codes: string[]): Lowering => ({
  variant: name,
  scratch: [],
  dispatches: codes.map((code) => ({ label: name, code, bindings: [], workgroups: [1, 1, 1] })),
  ...(estimate === undefined ? {} : { estimate }),
});
/** Shaders of 4,000 characters take as long to compile as 500 us take in 400 runs. */
const shader = (name: string): string => name.padEnd(4000, " ");
const namesOf = (all: readonly Candidates[]): string[] => selectVariants(all).map((v) => v.variant);

describe("variants that are worth compiling", () => {
  const fast = (saved: number) => [
    variant("fast", 1000 - saved, shader("a"), shader("b")),
    variant("slow", 1000, shader("c")),
    variant("plain", undefined, shader("p")),
  ];
  const conv = (saved: number): Candidates => ({ kernel: "conv2d", variants: fast(saved) });

  it("are those that save more than their shaders take", () => {
    // One shader more than the other variant.
    expect(namesOf([conv(400)])).toEqual(["slow"]);
    expect(namesOf([conv(600)])).toEqual(["fast"]);
  });

  it("are so together where one alone would not be", () => {
    expect(namesOf([conv(200), conv(200)])).toEqual(["slow", "slow"]);
    expect(namesOf([conv(200), conv(200), conv(200)])).toEqual(["fast", "fast", "fast"]);
  });

  it("are given up where others are compiled anyway", () => {
    // Without the first kernel the slow shader would be needed for the second alone.
    const only: Candidates = { kernel: "conv2d", variants: [variant("slow", 1000, shader("c"))] };
    expect(namesOf([conv(900), only])).toEqual(["slow", "slow"]);
    expect(namesOf([conv(1100), only])).toEqual(["fast", "slow"]);
  });

  it("are struck out for the shaders that few take, and kept for others of the same name", () => {
    const other = (saved: number): Candidates => ({
      kernel: "conv2d",
      variants: [variant("fast", 1000 - saved, shader("x"), shader("y")), variant("slow", 1000, shader("c"))],
    });
    expect(namesOf([other(300), conv(5000)])).toEqual(["slow", "fast"]);
  });

  it("are the first where nothing is known of them", () => {
    const unknown: Candidates = {
      kernel: "batchNorm",
      variants: [variant("subgroup", undefined, shader("s")), variant("plain", undefined, shader("t"))],
    };
    expect(namesOf([unknown])).toEqual(["subgroup"]);
  });

  it("are never the plain one, which is no estimate's business", () => {
    expect(namesOf([conv(-5000)])).toEqual(["slow"]);
    const two: Candidates = {
      kernel: "conv2d",
      variants: [variant("fast", 10, shader("a")), variant("plain", undefined, "p")],
    };
    expect(namesOf([two])).toEqual(["fast"]);
  });
});
