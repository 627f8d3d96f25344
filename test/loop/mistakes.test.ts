/** What a newcomer writes in JavaScript, where no compiler objects: each is refused in a sentence that says what to do. */
import { describe, expect, test } from "vitest";
import { crossEntropy, Graph, sum, type Tensor } from "../../src/index.ts";
import { fromTorch, load, save, toOnnx } from "../../src/entries/io.ts";
import { Linear, Module, ModuleList, Parameter, ReLU, Sequential } from "../../src/entries/nn.ts";
import { checkOp, defineOp, gradcheck } from "../../src/entries/ops.ts";
import { Adam } from "../../src/entries/optim.ts";
import { accuracy, predictor, trainer } from "../../src/entries/train.ts";
import { parseCheckpoint } from "../../src/train/checkpoint.ts";
import { useGpu } from "../support/gpu.ts";

const gpu = useGpu();

class Net extends Module {
  readonly fc: Linear;

  constructor(classes = 2) {
    super();
    this.fc = new Linear(3, classes);
  }

  forward(x: Tensor): Tensor {
    return this.fc.forward(x);
  }
}

const made = (classes?: number) => new Net(classes).finish(0);
const net = made();
const ofLoss = (loss: unknown) =>
  ({ inputs: { x: [3], label: [] }, loss, optimizer: new Adam(net) }) as unknown as Parameters<typeof trainer>[2];
const usual = ofLoss(({ x }: { x: Tensor }) => sum(net.forward(x)));
const swish = { name: "mine", inputs: { x: "f32" }, outputs: { y: (x: readonly number[]) => x }, wgsl: "y[i] = x[i];" };
/** As JavaScript calls it: with whatever there is. */
const define = (changes: object) => defineOp({ ...swish, ...changes } as Parameters<typeof defineOp>[0]);
const parameter = (...given: unknown[]) => new Parameter(...(given as ConstructorParameters<typeof Parameter>));
const any = (value: unknown) => value as never;

function logits(): [Tensor, Tensor] {
  const graph = new Graph({ training: true });
  return [graph.input("x", [4, 3]), graph.input("label", [4], "u32")];
}

const page = new TextEncoder().encode("<!DOCTYPE html><html><body>Sign in to download</body></html>");

const NO_GPU = (op: string, got: string) => `${op}: expected a Gpu first (await openGpu()), got ${got}`;

describe("what is refused", () => {
  test.each<[string, () => unknown, string]>([
    [
      "an option that the loss does not have",
      () => crossEntropy(...logits(), any({ labelSmoothing: 0.1 })),
      "crossEntropy: weights (an Object) are not 3 positive numbers",
    ],
    ["a seed as a text", () => new Net().finish(any("1")), "finish: expected a seed or a function, got a String"],
    [
      "a network as a function",
      () => toOnnx(any(net), new Map(), { input: [3] }),
      "toOnnx: expected a function first, such as (x) => net.forward(x), got an Object",
    ],
    [
      "a state that is not awaited",
      () => toOnnx((x) => net.forward(x), any(net.stateDict(gpu())), { input: [3] }),
      "toOnnx: the state is what await net.stateDict(gpu) gives, got a Promise (not awaited)",
    ],
    ["load, the network first", () => load(any(net), any(gpu()), page), NO_GPU("load", "an Object")],
    [
      "load into nothing",
      () => load(gpu(), any(undefined), page),
      "load: expected a module as the network, got undefined",
    ],
    ["save, the network first", () => save(any(net), any(gpu())), NO_GPU("save", "an Object")],
    ["a state of nowhere", () => net.stateDict(any(undefined)), NO_GPU("stateDict", "undefined")],
    ["a state to nowhere", () => { net.loadStateDict(any(new Map()), new Map()); }, NO_GPU("loadStateDict", "a Map")], // prettier-ignore
    [
      "an input that does not fit a layer",
      () => net.forward(new Graph().input("x", [4, 5])),
      "fc: linear: input [4, 5] and weight [3, 2] do not match",
    ],
    [
      "requires_grad, which parameters do not have",
      () => Object.assign(net.fc.weight, { requires_grad: false }),
      "requires_grad, object is not extensible",
    ],
    [
      "a term that is called as outputs are",
      () => trainer(gpu(), net, ofLoss(({ x }: { x: Tensor }) => ({ loss: sum(net.forward(x)), "output q": sum(x) }))).step({ x: new Float32Array(3), label: new Uint32Array(1) }), // prettier-ignore
      "trainer: a term of the loss cannot be called output q",
    ],
    [
      "an lr beside the options",
      () => Object.assign(new Adam(net), { learningRate: 1 }),
      "learningRate, object is not extensible",
    ],
    ["an lr of a group", () => Object.assign(new Adam(net).groups[0]!, { lr: 0 }), "lr, object is not extensible"],
    ["betas as texts", () => new Adam(net, { betas: any(["0.9", "0.99"]) }), "Adam: beta1 must be at least 0"],
    ["modules one by one", () => new ModuleList(any(new ReLU())), "ModuleList: expected an array or a Map of modules"],
    ["one logit for each label", () => accuracy(Float32Array.of(1, 2), Uint32Array.of(0, 1)), "accuracy: one logit"],
    ["logits in an array", () => accuracy(any([1, 2]), Uint32Array.of(1)), "accuracy: logits: expected a Float32Array"],
    [
      "a text as a choice",
      () => predictor(gpu(), net, { input: [3], half: any("false") }).predict(new Float32Array(3)),
      "compile: half is true or false, got a String",
    ],
    ["a size in an array", () => new Linear(any([3]), 2), "must be a whole number of at least 1, got an Array"],
    ["a class as a layer", () => new Sequential(any(ReLU)), "Sequential: 0 is the class ReLU, not a layer: new ReLU()"],
    [
      "a shape in place of a function",
      () => define({ outputs: { y: [2] } }),
      "mine: the shape of y is a function of the operands' shapes, such as (x) => x, got an Array",
    ],
    ["threads as a number", () => define({ threads: 4 }), "mine: threads must be a function, got a Number"],
    [
      "a keyword",
      () => define({ inputs: { var: "f32" } }),
      "mine: nothing can be called var, a word of WGSL; rename it",
    ],
    ["a reserved word", () => define({ inputs: { target: "f32" } }), "mine: nothing can be called target"],
    ["a type", () => define({ outputs: { array: (x: readonly number[]) => x } }), "mine: nothing can be called array"],
    [
      "a keyword in the uniform",
      () => define({ uniform: () => ({ loop: 1 }) })(logits()[0]),
      "mine: nothing can be called loop",
    ],
    [
      "an unknown layout",
      () => parameter([2, 3], "plain"),
      "Parameter: layout plain is none of vector, conv, linear, flattened",
    ],
    ["no layout", () => parameter([2, 3]), "Parameter: layout undefined is none of vector, conv, linear, flattened"],
    [
      "a misspelt option",
      () => parameter([2], "vector", { unifrom: 0.3 }),
      "Parameter, vector: unknown option unifrom",
    ],
    [
      "a bound of a matrix",
      () => parameter([2, 3], "linear", { uniform: 0.3 }),
      "Parameter, linear: unknown option uniform",
    ],
    ["values of a kernel", () => parameter([1, 1, 2, 3], "conv", { fill: 1 }), "Parameter, conv: unknown option fill"],
    [
      "a bound as a text",
      () => parameter([2], "vector", { uniform: "0.3" }),
      "Parameter: uniform must be a finite number",
    ],
    ["a page as weights", () => fromTorch(page, "net.pth"), "net.pth: neither a file of torch.save nor safetensors"],
    [
      "a trainer of a promise",
      () => trainer(any(Promise.resolve(gpu())), net, usual),
      NO_GPU("trainer", "a Promise (not awaited)"),
    ],
    ["a trainer, the network first", () => trainer(any(net), any(gpu()), usual), NO_GPU("trainer", "an Object")],
    [
      "a predictor of a promise",
      () => predictor(any(Promise.resolve(gpu())), net, { input: [3] }),
      NO_GPU("predictor", "a Promise (not awaited)"),
    ],
    ["a check by nothing", () => checkOp(any(undefined), define({}), { one: [[2]] }), NO_GPU("checkOp", "undefined")],
    [
      "a check of a definition",
      () => checkOp(gpu(), any(swish), { one: [[2]] }),
      "checkOp: expected an op that defineOp gave, got an Object",
    ],
    [
      "a loss that is async",
      () =>
        trainer(
          gpu(),
          net,
          ofLoss(({ x }: { x: Tensor }) => Promise.resolve(sum(net.forward(x)))),
        ).step(any({ x: new Float32Array(3), label: new Uint32Array(1) })),
      "trainer: loss must return one number, or { loss, … } with one number each, got a Promise (not awaited) for loss",
    ],
    [
      "weights of another shape",
      async () => load(gpu(), made(5), await save(gpu(), made())),
      'the file: fc.weight is [2, 3], the network has [5, 3]; to keep the network\'s own, { ignore: ["fc"] }',
    ],
    [
      "a gradient of nothing",
      () => checkOp(gpu(), define({ gradient: () => [] }), { one: [[2]] }),
      "mine: its gradient returned an empty array: return a tensor for each operand, undefined for one that has none",
    ],
    [
      "a gradient that leaves an operand out",
      () => checkOp(gpu(), define({ gradient: () => [undefined] }), { one: [[2]] }),
      "mine, case one: operand 0 gets no gradient: let the op's gradient return one for it",
    ],
    [
      "a reference of another length",
      () => gradcheck(gpu(), (x) => x, [[2, 3]], { reference: () => [1, 2] }),
      "gradcheck: the reference returned 2 values, and the function 6, [2, 3]: return as many",
    ],
    [
      "weights in place of a checkpoint",
      async () => parseCheckpoint(await save(gpu(), net), "cnn.safetensors"),
      "cnn.safetensors: not a checkpoint of this program, which would say the size of pictures and the classes: load weights into",
    ],
  ])("%s", async (_, call, message) => {
    await expect(Promise.resolve().then(call)).rejects.toThrow(message);
  });
});

test("what the compiler says of WGSL is said once", async () => {
  const failing = checkOp(gpu(), define({ wgsl: "y[i] = nowhere;", gradient: ([dy]: Tensor[]) => [dy] }), {
    one: [[2]],
  });
  const { message } = await failing.then(() => expect.unreachable(), (error: unknown) => error as Error); // prettier-ignore
  expect(message).toMatch(/does not compile: wgsl, line 1, column \d+: .*nowhere/);
  expect(message.match(/wgsl, line 1/g)).toHaveLength(1);
});

test("gradients that are right, and what is a function, still pass", async () => {
  const op = define({ gradient: ([dy]: Tensor[]) => [dy] });
  const checked = await checkOp(gpu(), op, { one: [[5]] }, { reference: (x) => x });
  expect(checked.length).toBeGreaterThan(2);
  const sequential = new Sequential(new Linear(3, 2), (x) => x).finish(0);
  const net = predictor(gpu(), sequential, { input: [3] });
  expect(await net.predict(new Float32Array(3))).toHaveLength(2);
  net.destroy();
});
