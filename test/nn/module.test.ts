/** Modules are found wherever they are stored, or reported if they cannot be. */
import { describe, expect, test } from "vitest";
import { add, mul, relu, sum } from "../../src/autograd/elementwise.ts";
import { compile } from "../../src/graph/compile.ts";
import { parseSafetensors, serializeSafetensors } from "../../src/data/safetensors.ts";
import { Graph } from "../../src/graph/graph.ts";
import { readVariable, writeVariable } from "../../src/graph/storage.ts";
import type { Tensor } from "../../src/graph/tensor.ts";
import { initialValues } from "../../src/nn/init.ts";
import { ReLU } from "../../src/nn/activations.ts";
import { BatchNorm2d, Conv2d, Linear } from "../../src/nn/layers.ts";
import { Module, ModuleError, Parameter, StateDictError, type StateDict } from "../../src/nn/module.ts";
import { ModuleList } from "../../src/nn/module-list.ts";
import { Adam, slabsOf } from "../../src/optim/adam.ts";
import { useGpu } from "../support/gpu.ts";

const gpu = useGpu();
const x = (graph = new Graph({ training: true })) => graph.input("x", [1, 4, 4, 3]);
const conv = () => new Conv2d(3, 3, 1, { bias: false });

class Holder extends Module {}

/** A module that applies others one after the other. */
abstract class Chain extends Module {
  protected abstract chain(): Iterable<Conv2d>;

  forward(x: Tensor): Tensor {
    let y = x;
    for (const conv of this.chain()) y = relu(conv.forward(y));
    return y;
  }
}

class InArray extends Chain {
  readonly convs = [conv(), conv()];
  protected chain = () => this.convs;
}

class InNestedArrays extends Chain {
  readonly convs = [[conv()], [conv()]];
  protected chain = () => this.convs.flat();
}

class InObject extends Chain {
  readonly convs = { first: conv(), second: conv() };
  protected chain = () => Object.values(this.convs);
}

class InMap extends Chain {
  readonly convs = new Map([
    ["first", conv()],
    ["second", conv()],
  ]);
  protected chain = () => this.convs.values();
}

class InList extends Chain {
  readonly convs = new ModuleList([conv(), conv()]);
  protected chain = () => this.convs.all;
}

class InListOfArray extends Chain {
  readonly blocks = [new ModuleList([conv(), conv()])];
  protected chain = () => this.blocks[0]!.all;
}

class InSet extends Chain {
  readonly convs = new Set([conv(), conv()]);
  protected chain = () => this.convs;
}

class InMapsOfObjects extends Chain {
  readonly stages = new Map([
    ["early", [{ conv: conv() }]],
    ["late", [{ conv: conv() }]],
  ]);
  protected chain = () => [...this.stages.values()].flat().map((stage) => stage.conv);
}

class InObjectWithoutPrototype extends Chain {
  readonly convs = Object.assign(Object.create(null) as Record<string, Conv2d>, { first: conv(), second: conv() });
  protected chain = () => Object.values(this.convs);
}

/** Among values that are no modules: they count as positions, and nothing else. */
class BesideOthers extends Chain {
  readonly mixed = [undefined, 3, conv(), new Float32Array(2), { deep: conv(), note: "text" }] as const;
  protected chain = () => [this.mixed[2], this.mixed[4].deep];
}

test.each([
  [InArray, ["convs.0.weight", "convs.1.weight"]],
  [InNestedArrays, ["convs.0.0.weight", "convs.1.0.weight"]],
  [InObject, ["convs.first.weight", "convs.second.weight"]],
  [InMap, ["convs.first.weight", "convs.second.weight"]],
  [InList, ["convs.0.weight", "convs.1.weight"]],
  [InListOfArray, ["blocks.0.0.weight", "blocks.0.1.weight"]],
  [InSet, ["convs.0.weight", "convs.1.weight"]],
  [InMapsOfObjects, ["stages.early.0.conv.weight", "stages.late.0.conv.weight"]],
  [InObjectWithoutPrototype, ["convs.first.weight", "convs.second.weight"]],
  [BesideOthers, ["mixed.2.weight", "mixed.4.deep.weight"]],
])("modules are found, trained and saved: %s", async (Kind, names) => {
  const net = new Kind();
  net.finish(initialValues(3));
  expect([...net.named()].map(([name]) => name)).toEqual(names);
  expect(net.parameters().map(({ name }) => name)).toEqual(names);
  const graph = new Graph({ training: true });
  const loss = sum(net.forward(x(graph)));
  const adam = new Adam(slabsOf(net.parameters()), { lr: 0.1 });
  const plan = await compile(gpu(), graph, { outputs: { loss }, updates: adam.record(graph, loss).updates });
  const before = await net.stateDict(gpu());
  expect([...before.keys()]).toEqual(names);
  await plan.run({ x: new Float32Array(48).map((_, i) => Math.sin(i)), adam: adam.advance() });
  const after = await net.stateDict(gpu());
  for (const name of names) expect(after.get(name)!.data, name).not.toEqual(before.get(name)!.data);
});

describe("what finish has not found is an error at first use that names it", () => {
  class InPrivateField extends Module {
    readonly seen = conv();
    readonly #hidden = conv();

    forward(x: Tensor): Tensor {
      return this.#hidden.forward(this.seen.forward(x));
    }
  }

  test("a module in a private field", () => {
    const net = new InPrivateField();
    net.finish(initialValues(0));
    expect(() => net.forward(x())).toThrow(ModuleError);
    expect(() => net.forward(x())).toThrow(/^Conv2d is not part of a finished module: .*private #fields/);
  });

  test("a parameter in a private field", () => {
    class Scaled extends Module {
      readonly conv = conv();
      readonly #gain = new Parameter([1, 4, 4, 3], "vector");
      forward = (x: Tensor) => mul(this.conv.forward(x), this.#gain);
    }
    const net = new Scaled();
    net.finish(initialValues(0));
    expect(() => net.forward(x())).toThrow(
      /^mul: a parameter \[1, 4, 4, 3\] that is not registered with a finished module/,
    );
  });

  test("a module that forgets finish, and one that is made after it", () => {
    expect(() => new InArray().forward(x())).toThrow(/^Conv2d is not part of a finished module: call finish/);
    class Head extends InArray {
      readonly head: Conv2d;

      constructor() {
        super();
        this.finish(initialValues(0));
        this.head = conv();
      }
    }
    const net = new Head();
    expect(() => net.head.forward(net.forward(x()))).toThrow(/^Conv2d is not part of a finished module/);
  });

  test("a module of a class that is none", () => {
    class Block {
      readonly conv = conv();
    }
    class Net extends Module {
      readonly block = new Block();
    }
    const net = new Net();
    net.finish(initialValues(0));
    expect(() => net.block.conv.forward(x())).toThrow(/^Conv2d is not part/);
    expect(() => slabsOf(net.parameters())).toThrow("no parameters to train");
    expect(() => net.loadStateDict(gpu(), new Map())).toThrow(/^Net has no parameters: /);
  });

  test.each<[string, (net: Module, late: Parameter) => unknown]>([
    ["read by an op", (_, late) => mul(new Graph().input("x", [2]), late)],
    ["handed out by a plan", (_, late) => compile(gpu(), new Graph(), { outputs: { late } })],
    ["read back", (_, late) => readVariable(gpu(), late)],
    ["trained", (net) => slabsOf(net.parameters())],
    ["trained for itself", (_, late) => slabsOf([late])],
    ["saved", (net) => net.stateDict(gpu())],
  ])("a parameter that came after finish: %s", async (_, use) => {
    const net = new (class extends Module {
      readonly conv = conv();
      late: Parameter | undefined;
    })();
    net.finish(initialValues(0));
    net.late = new Parameter([2], "vector", { fill: 3 });
    await expect(Promise.resolve().then(() => use(net, net.late!))).rejects.toThrow(
      "a parameter [2] that is not registered with a finished module",
    );
  });

  test("a module under a symbol, in a property that is not enumerable, or behind a getter", () => {
    const key = Symbol("hidden");
    class Hidden extends Module {
      readonly [key] = conv();
      get got(): Conv2d {
        return got;
      }
    }
    const got = conv();
    const net = Object.defineProperty(new Hidden(), "quiet", { value: conv(), enumerable: false });
    net.finish(initialValues(0));
    for (const hidden of [net[key], net.got, Reflect.get(net, "quiet") as Conv2d]) {
      expect(() => hidden.forward(x())).toThrow(/^Conv2d is not part of a finished module/);
    }
  });

  test("but a parameter that was given values needs no module", async () => {
    const gain = new Parameter([1, 4, 4, 3], "vector");
    writeVariable(gpu(), gain, new Float32Array(48).fill(2));
    const graph = new Graph();
    const plan = await compile(gpu(), graph, { outputs: { y: mul(x(graph), gain) } });
    expect((await plan.run({ x: new Float32Array(48).fill(3) })).y).toEqual(new Float32Array(48).fill(6));
  });
});

test("a module under two names is one: trained once, named by the first", async () => {
  class Tied extends Module {
    readonly a = new Linear(2, 2);
    readonly b = this.a;
    forward = (x: Tensor) => add(this.a.forward(x), this.b.forward(x));
  }
  const net = new Tied();
  net.finish(initialValues(0));
  expect(net.parameters().map(({ name }) => name)).toEqual(["a.weight", "a.bias"]);
  expect([...(await net.stateDict(gpu())).keys()]).toEqual(["a.weight", "a.bias", "b.weight", "b.bias"]);
  expect(net.b.path).toBe("a");
});

test("a module that contains itself", () => {
  class Loop extends Module {
    readonly conv = conv();
    readonly children: Module[] = [this];
  }
  expect(() => new Loop().finish(initialValues(0))).toThrow("children.0: this Loop contains itself");
});

test("finish comes before values, and its values fit", () => {
  const net = new InArray();
  writeVariable(gpu(), net.convs[1]!.weight, new Float32Array(9));
  expect(() => net.finish(initialValues(0))).toThrow("finish: convs.1.weight was already given values");
  expect(() => new InArray().finish(() => new Float32Array(3))).toThrow(
    "finish: convs.0.weight [1, 1, 3, 3] has 9 elements, but got 3 initial values",
  );
});

test("values that a function draws are drawn where they are used, and not for a state dict", async () => {
  for (const inSlabs of [false, true]) {
    const net = new InArray();
    const drawn: string[] = [];
    net.finish((name, { size }) => () => {
      drawn.push(name);
      return new Float32Array(size).fill(7);
    });
    if (inSlabs) slabsOf(net.parameters());
    const state = new Map(
      [3, 4].map((value, i) => [`convs.${i}.weight`, { shape: [3, 3, 1, 1], data: new Float32Array(9).fill(value) }]),
    );
    net.loadStateDict(gpu(), state);
    expect(drawn).toEqual([]);
    const valuesOf = async () => [...(await net.stateDict(gpu())).values()].map(({ data }) => [...new Set(data)]);
    expect(await valuesOf()).toEqual([[3], [4]]);
    net.release(gpu());
    writeVariable(gpu(), net.convs[1]!.weight, new Float32Array(9).fill(5));
    expect(await valuesOf()).toEqual([[7], [5]]);
    expect(drawn).toEqual(["convs.0.weight"]);
    net.release(gpu());
  }
});

test("values that are refused where they are drawn are refused at each use", async () => {
  const shape = [1, 1, 3, 3];
  for (const inSlabs of [false, true]) {
    const net = new InArray();
    net.finish(
      (name, { size }) =>
        () =>
          new Float32Array(name.startsWith("convs.1") ? 3 : size).fill(7),
    );
    const [first, second] = net.convs.map(({ weight }) => weight) as [Parameter, Parameter];
    writeVariable(gpu(), first, new Float32Array(9).fill(5));
    if (inSlabs) slabsOf(net.parameters());
    for (let i = 0; i < 2; i++) {
      await expect(readVariable(gpu(), second)).rejects.toThrow(
        `convs.1.weight [${shape.join(", ")}] has 9 elements, but got 3 initial values`,
      );
    }
    writeVariable(gpu(), second, new Float32Array(9).fill(6));
    expect([...(await readVariable(gpu(), first)), ...(await readVariable(gpu(), second))]).toEqual([
      ...Array<number>(9).fill(5),
      ...Array<number>(9).fill(6),
    ]);
    net.release(gpu());
  }
});

test("a bias of true begins as PyTorch's, one of a number there, others at nothing", () => {
  const net = new (class extends Module {
    readonly uniform = new Conv2d(4, 64, 3, { bias: true });
    readonly fixed = new Conv2d(4, 2, 3, { bias: -2 });
    readonly none = [new Conv2d(4, 2, 3, { bias: false }), new Conv2d(4, 2, 3, { bias: false })];
  })();
  net.finish(initialValues(5));
  const values = net.uniform.bias!.initial!;
  expect(values.length).toBe(64);
  expect(Math.max(...values.map(Math.abs))).toBeLessThanOrEqual(1 / 6);
  expect(new Set(values).size).toBe(64);
  expect([...net.fixed.bias!.initial!]).toEqual([-2, -2]);
  for (const { bias } of net.none) expect(bias).toBeUndefined();
});

test("a running variance that is negative or no number is refused by name", () => {
  const norm = new BatchNorm2d(2);
  norm.finish(initialValues(0));
  const state = (variance: number): StateDict =>
    new Map(
      ["weight", "bias", "running_mean", "running_var"].map((name) => {
        return [name, { shape: [2], data: Float32Array.of(1, name === "running_var" ? variance : -1) }];
      }),
    );
  norm.loadStateDict(gpu(), state(0));
  expect(() => norm.loadStateDict(gpu(), state(-1))).toThrow(
    new StateDictError("running_var contains a negative variance, -1"),
  );
  expect(() => norm.loadStateDict(gpu(), state(NaN))).toThrow("running_var contains a variance that is NaN");
});

describe("a state dict that does not fit changes nothing", () => {
  const given = (shape: number[], data: unknown) => ({ shape, data: data as Float32Array });
  test.each([
    ["missing", "convs.1.weight is missing", {}],
    ["unknown", "convs.2.weight is not part of the model", { "convs.2.weight": given([1], new Float32Array(1)) }],
    ["misshapen", "convs.1.weight is [9], the model has [3, 3, 1, 1]", { "convs.1.weight": given([9], new Float32Array(9)) }], // prettier-ignore
    ["cut off", "convs.1.weight [3, 3, 1, 1] needs a Float32Array of 9 values, got a Float32Array of 8", { "convs.1.weight": given([3, 3, 1, 1], new Float32Array(8)) }], // prettier-ignore
    ["of doubles", "got a Float64Array of 9", { "convs.1.weight": given([3, 3, 1, 1], new Float64Array(9)) }],
    ["of plain numbers", "got an Array of 9", { "convs.1.weight": given([3, 3, 1, 1], new Array(9).fill(1)) }],
  ])("%s", async (_, message, more: Record<string, ReturnType<typeof given>>) => {
    const net = new InArray();
    net.finish(initialValues(0));
    const before = await readVariable(gpu(), net.convs[0]!.weight);
    const first = given([3, 3, 1, 1], new Float32Array(9).fill(4));
    const state = new Map(Object.entries({ "convs.0.weight": first, ...more }));
    expect(() => net.loadStateDict(gpu(), state)).toThrow(StateDictError);
    expect(() => net.loadStateDict(gpu(), state)).toThrow(message);
    expect(await readVariable(gpu(), net.convs[0]!.weight)).toEqual(before);
  });
});

describe("finish a second time", () => {
  test("of the same module is refused, used or not, and changes nothing", async () => {
    const net = new InArray();
    net.finish(1);
    const values = net.convs[0]!.weight.initial!.slice();
    const refused = new ModuleError(
      "finish: this InArray is finished already, and its values stay as they are: give the seed to its first finish " +
        "(the project's networks take it in their constructors), or set values by loadStateDict",
    );
    expect(() => net.finish(2)).toThrow(refused);
    expect(() => net.convs[0]!.finish(2)).toThrow("finish: this Conv2d is finished already, as convs.0, and");
    expect(await readVariable(gpu(), net.convs[0]!.weight)).toEqual(values);
    net.release(gpu());
    expect(() => net.finish(initialValues(2))).toThrow(refused);
    expect(net.convs[0]!.path).toBe("convs.0");
    expect(await readVariable(gpu(), net.convs[0]!.weight)).toEqual(values);
  });

  test("of a part leaves its values, drawn, given or trained, and names them anew", async () => {
    const body = new InArray();
    body.finish(1);
    writeVariable(gpu(), body.convs[1]!.weight, new Float32Array(9).fill(5));
    const drawn = body.convs[0]!.weight.initial!.slice();
    const whole = Object.assign(new Holder(), { head: conv(), body }).finish(2);
    const state = await whole.stateDict(gpu());
    expect([...state.keys()]).toEqual(["head.weight", "body.convs.0.weight", "body.convs.1.weight"]);
    expect(await readVariable(gpu(), body.convs[0]!.weight)).toEqual(drawn);
    expect(state.get("body.convs.1.weight")!.data).toEqual(new Float32Array(9).fill(5));
    expect(body.convs[0]!.path).toBe("body.convs.0");
    expect(state.get("head.weight")!.data).toEqual(
      (await Object.assign(new Holder(), { head: conv() }).finish(2).stateDict(gpu())).get("head.weight")!.data,
    );
  });

  test("of a module to which others were added names and draws those, wherever they are", () => {
    const part = Object.assign(new Holder(), { first: conv() });
    const net = Object.assign(new Holder(), { part }).finish(1);
    const first = part.first.weight.initial;
    const late = Object.assign(net.part, { late: conv(), act: new ReLU() });
    net.part.finish(1);
    expect([late.late.path, late.act.path, late.late.weight.name]).toEqual([
      "part.late",
      "part.act",
      "part.late.weight",
    ]);
    expect(part.first.weight.initial).toEqual(first);
    const whole = Object.assign(new Holder(), { part: Object.assign(new Holder(), { late: conv() }) }).finish(1);
    expect(late.late.weight.initial).toEqual(whole.part.late.weight.initial);
    const fc = Object.assign(net, { fc: new Linear(2, 3) }).finish(7).fc;
    expect(fc.weight.name).toBe("fc.weight");
    expect(part.first.weight.initial).toEqual(first);
    expect(() => net.finish(8)).toThrow("finish: this Holder is finished already, and");
  });

  test("of a part by a function that gives it others is refused, and one that leaves it out is not", () => {
    const [body, again] = [new InArray().finish(1), new InArray().finish(1)];
    const whole = Object.assign(new Holder(), { body, head: conv() });
    expect(() => whole.finish(initialValues(2))).toThrow(
      "finish: body.convs.0.weight has values already, from an earlier finish; " +
        "finish(seed) keeps them, and loadStateDict gives others",
    );
    // Nothing was changed by that.
    expect(body.path).toBe("");
    whole.finish((name, { size }) => (name.startsWith("body") ? undefined : new Float32Array(size).fill(3)));
    expect(body.convs[0]!.weight.initial).toEqual(again.convs[0]!.weight.initial);
    expect(whole.head.weight.initial).toEqual(new Float32Array(9).fill(3));
  });
});

test("a seed is a whole number", () => {
  for (const seed of [NaN, 0.5, -1, undefined]) {
    expect(() => initialValues(seed as number)).toThrow(
      "initialValues: seed must be a whole number of at least 0, got",
    );
  }
});

test("a state dict before finish is refused, and does no harm", async () => {
  const net = new InArray();
  await expect(net.stateDict(gpu())).rejects.toThrow(
    /^convs\.0\.weight: a parameter .* that is not registered with a finished module/,
  );
  net.finish(initialValues(0));
  const { data } = (await net.stateDict(gpu())).get("convs.0.weight")!;
  expect(data.some((value) => value !== 0)).toBe(true);
});

test("two members of one path are refused", () => {
  class Dotted extends Module {
    readonly a = { b: conv() };
    readonly "a.b" = conv();
  }
  class Keys extends Module {
    readonly convs = new Map<unknown, Conv2d>([
      [1, conv()],
      ["1", conv()],
    ]);
  }
  expect(() => new Dotted().finish(initialValues(0))).toThrow("finish: two members have the path a.b");
  expect(() => new Keys().finish(initialValues(0))).toThrow("finish: two members have the path convs.1");
});

test("a state dict goes into a file as it is, and comes back from it", async () => {
  const [net, other] = [new InArray(), new InArray()];
  for (const [seed, module] of [net, other].entries()) module.finish(initialValues(seed));
  const saved = await net.stateDict(gpu());
  other.loadStateDict(gpu(), parseSafetensors(serializeSafetensors(saved), "file").tensors);
  expect(await other.stateDict(gpu())).toEqual(saved);
  expect(() => other.loadStateDict(gpu(), Object.fromEntries(saved) as never)).toThrow("got an Object");
});

test("one parameter under two names is given the same values twice, or none", async () => {
  class Tied extends Module {
    readonly a = new Linear(1, 1);
    readonly b = this.a;
  }
  const net = new Tied();
  net.finish(initialValues(0));
  const state = await net.stateDict(gpu());
  net.loadStateDict(gpu(), state);
  state.get("b.weight")!.data[0] = 7;
  expect(() => net.loadStateDict(gpu(), state)).toThrow("a.weight and b.weight are one parameter");
});
