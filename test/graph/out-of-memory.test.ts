/** What the device cannot make for one plan is that plan's failure, not the device's. */
import { expect, onTestFinished, test } from "vitest";
import { relu } from "../../src/autograd/elementwise.ts";
import { GpuError, OutOfMemoryError } from "../../src/gpu/gpu.ts";
import { compile, PlanError } from "../../src/graph/compile.ts";
import { Graph } from "../../src/graph/graph.ts";
import { useGpu } from "../support/gpu.ts";

const gpu = useGpu();

async function relus() {
  const graph = new Graph();
  const x = graph.input("x", [7]);
  using plan = await compile(gpu(), graph, { outputs: { y: relu(x) } });
  return (await plan.run({ x: Float32Array.of(-1, 2, -3, 4, -5, 6, -7) })).y;
}

/** Has the device's next error scopes find an error, as where memory is short: what software adapters have, no test should fill. */
function failNext(error: GPUError): void {
  const { device } = gpu();
  const popErrorScope = device.popErrorScope.bind(device);
  let fails = true;
  device.popErrorScope = async () => {
    const found = await popErrorScope();
    const failing = fails;
    fails = false;
    return failing ? error : found;
  };
  onTestFinished(() => {
    device.popErrorScope = popErrorScope;
  });
}

test("a plan without memory is refused, frees what it had, and the next one computes", async () => {
  const destroyed: string[] = [];
  const createBuffer = gpu().device.createBuffer.bind(gpu().device);
  gpu().device.createBuffer = (descriptor) => {
    const buffer = createBuffer(descriptor);
    const destroy = buffer.destroy.bind(buffer);
    buffer.destroy = () => {
      destroyed.push(descriptor.label!);
      destroy();
    };
    return buffer;
  };
  onTestFinished(() => {
    gpu().device.createBuffer = createBuffer;
  });
  failNext(new GPUOutOfMemoryError("no memory"));
  const failing = relus();
  await expect(failing).rejects.toThrow(OutOfMemoryError);
  await expect(failing).rejects.toMatchObject({ code: "out-of-memory" });
  expect(destroyed.sort()).toEqual(["arena 0", "input x"]);
  gpu().check();
  expect(await relus()).toEqual(Float32Array.of(0, 2, 0, 4, 0, 6, 0));
});

test("a shader that does not compile is told with its line, and leaves the device as it was", async () => {
  const shader = {
    code: "@compute @workgroup_size(1) fn main() {\n  let x = nothing;\n}",
    bindings: 0,
    label: "wrong",
  };
  const failing = gpu().pipeline(shader as never);
  await expect(failing).rejects.toThrow(/shader wrong does not compile: [^]*2: [^]*nothing/);
  await expect(failing).rejects.toMatchObject({ code: "shader" });
  await gpu().idle();
  expect(await relus()).toEqual(Float32Array.of(0, 2, 0, 4, 0, 6, 0));
});

test("errors tell programs what they are", async () => {
  const graph = new Graph();
  const y = relu(graph.input("x", [7]));
  const plan = compile(gpu(), graph, { outputs: { y }, half: true });
  await expect(plan).rejects.toThrow(PlanError);
  await expect(plan).rejects.toMatchObject({ code: "plan" });
  expect(() => gpu().createStorage(2 ** 50, "all")).toThrow(expect.objectContaining({ code: "limit" }) as GpuError);
});
