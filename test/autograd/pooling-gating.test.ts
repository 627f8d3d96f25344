/** Invalid arguments to pooling and gating ops: each error is a sentence that names the op and what is wrong. */
import { expect, test } from "vitest";
import {
  adaptiveAvgPool2d,
  avgPool2d,
  channelMeanMax,
  dropout,
  globalMaxPool,
  Graph,
  mulChannels,
  mulMap,
  mulSamples,
  ShapeError,
  stochasticDepth,
  type Tensor,
} from "../../src/index.ts";

let inputs = 0;
const t = (graph: Graph, ...shape: number[]): Tensor => graph.input(`input ${inputs++}`, shape);
/** An activation. */
const a = (graph: Graph): Tensor => t(graph, 2, 8, 6, 4);
/** What TypeScript would not let through. */
const untyped = (value: unknown) => value as never;

const refused: [string, (graph: Graph) => unknown, string][] = [
  ["avgPool2d", (g) => avgPool2d(a(g), untyped({})), "kernel must be a whole number of at least 1, got undefined"],
  ["avgPool2d", (g) => avgPool2d(a(g), { kernel: 0 }), "kernel must be a whole number of at least 1, got 0"],
  ["avgPool2d", (g) => avgPool2d(a(g), { kernel: [2, 2.5] }), "kernel must be a whole number of at least 1, got 2.5"],
  ["avgPool2d", (g) => avgPool2d(a(g), { kernel: untyped([2]) }), "kernel must be one number or two, got [2]"],
  ["avgPool2d", (g) => avgPool2d(a(g), { kernel: 2, stride: 0 }), "stride must be a whole number of at least 1"],
  [
    "avgPool2d",
    (g) => avgPool2d(a(g), { kernel: 2, padding: [0, -1] }),
    "padding must be a whole number of at least 0",
  ],
  ["avgPool2d", (g) => avgPool2d(a(g), { kernel: 3, padding: 2 }), "padding 2 is more than half of the kernel 3"],
  ["avgPool2d", (g) => avgPool2d(a(g), { kernel: [8, 7] }), "a kernel of 8×7 does not fit into input [2, 8, 6, 4]"],
  ["avgPool2d", (g) => avgPool2d(a(g), untyped({ kernel: 2, ceil_mode: true })), "unknown option ceil_mode"],
  ["avgPool2d", (g) => avgPool2d(t(g, 2, 8), { kernel: 2 }), "[2, 8]"],
  ["adaptiveAvgPool2d", (g) => adaptiveAvgPool2d(a(g), [0, 7]), "size must be a whole number of at least 1, got 0"],
  ["adaptiveAvgPool2d", (g) => adaptiveAvgPool2d(a(g), untyped(7)), "size must be [height, width], got a Number"],
  ["adaptiveAvgPool2d", (g) => adaptiveAvgPool2d(t(g, 2, 8), [7, 7]), "[2, 8]"],
  ["globalMaxPool", (g) => globalMaxPool(t(g, 2, 8)), "[2, 8]"],
  ["channelMeanMax", (g) => channelMeanMax(t(g, 2, 8)), "[2, 8]"],
  ["mulSamples", (g) => mulSamples(a(g), t(g, 3)), "input [2, 8, 6, 4] needs factors [2], got [3]"],
  ["mulSamples", (g) => mulSamples(a(g), t(g, 2, 1)), "needs factors [2], got [2, 1]"],
  ["mulChannels", (g) => mulChannels(a(g), t(g, 2, 8)), "input [2, 8, 6, 4] needs factors [2, 4], got [2, 8]"],
  ["mulChannels", (g) => mulChannels(t(g, 2, 4), t(g, 2, 4)), "[2, 4]"],
  ["mulMap", (g) => mulMap(a(g), t(g, 2, 8, 6)), "needs factors [2, 8, 6, 1], got [2, 8, 6]"],
  ["mulMap", (g) => mulMap(a(g), t(g, 1, 8, 6, 1)), "needs factors [2, 8, 6, 1], got [1, 8, 6, 1]"],
];
test.each(refused)("%s: case %#", (op, build, said) => {
  const attempt = () => build(new Graph({ training: true }));
  expect(attempt).toThrow(ShapeError);
  expect(attempt).toThrow(said);
  expect(attempt).toThrow(new RegExp(`^${op}: `));
});

const drop = { p: 0.5, layer: 0, seed: 0 };
const operands: [string, (x: Tensor, no: never) => unknown][] = [
  ["avgPool2d", (_, no) => avgPool2d(no, { kernel: 2 })],
  ["adaptiveAvgPool2d", (_, no) => adaptiveAvgPool2d(no, [7, 7])],
  ["globalMaxPool", (_, no) => globalMaxPool(no)],
  ["channelMeanMax", (_, no) => channelMeanMax(no)],
  ["mulSamples", (x, no) => mulSamples(x, no)],
  ["mulChannels", (x, no) => mulChannels(x, no)],
  ["mulMap", (x, no) => mulMap(no, x)],
  ["dropout", (_, no) => dropout(no, drop)],
  ["stochasticDepth", (_, no) => stochasticDepth(no, drop)],
];
test.each(operands)("%s names an operand that is no tensor", (op, build) => {
  const x = new Graph().input("x", [1, 4, 4, 4]);
  for (const [value, what] of [
    [undefined, "undefined"],
    [new Float32Array(64), "a Float32Array"],
  ] as const) {
    expect(() => build(x, untyped(value))).toThrow(new RegExp(`^${op}: operand \\d of \\d is ${what}, not a tensor$`));
  }
});

test.each<[string, (graph: Graph, other: Graph) => unknown]>([
  ["mulSamples", (g, o) => mulSamples(a(g), t(o, 2))],
  ["mulChannels", (g, o) => mulChannels(a(g), t(o, 2, 4))],
  ["mulMap", (g, o) => mulMap(a(o), t(g, 2, 8, 6, 1))],
  ["dropout", (g, o) => dropout(a(g), { ...drop, step: o.input("step", [1], "u32") })],
])("%s refuses tensors of two graphs", (op, build) => {
  const graph = () => new Graph({ training: true });
  expect(() => build(graph(), graph())).toThrow(`${op}: the operands of an op belong to different graphs`);
});

test("PyTorch's defaults: an average pooling moves by its kernel and is not padded", () => {
  const graph = new Graph();
  expect(avgPool2d(a(graph), { kernel: 2 }).shape).toEqual([2, 4, 3, 4]);
  expect(avgPool2d(a(graph), { kernel: [3, 2] }).shape).toEqual([2, 2, 3, 4]);
  expect(adaptiveAvgPool2d(a(graph), [7, 7]).shape).toEqual([2, 7, 7, 4]);
  expect(globalMaxPool(a(graph)).shape).toEqual([2, 4]);
  expect(channelMeanMax(a(graph)).shape).toEqual([2, 8, 6, 2]);
});
