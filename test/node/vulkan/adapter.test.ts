import { describe, expect, test } from "vitest";
import { AdapterError, openDawn } from "../../../src/node/dawn.ts";

const doubled = /* wgsl */ `
@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x < arrayLength(&x)) { x[id.x] = 2.0 * x[id.x] + 1.0; }
}`;

describe("openDawn", () => {
  test("gives an adapter whose device computes right numbers", async () => {
    const { adapter } = await openDawn();
    const device = await adapter.requestDevice();
    const input = Float32Array.from({ length: 1000 }, (_, i) => i);
    const buffer = device.createBuffer({
      size: input.byteLength,
      usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST | GPUBufferUsage.COPY_SRC,
    });
    const result = device.createBuffer({
      size: input.byteLength,
      usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
    });
    device.queue.writeBuffer(buffer, 0, input);
    const pipeline = await device.createComputePipelineAsync({
      layout: "auto",
      compute: { module: device.createShaderModule({ code: doubled }) },
    });
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(
      0,
      device.createBindGroup({
        layout: pipeline.getBindGroupLayout(0),
        entries: [{ binding: 0, resource: { buffer } }],
      }),
    );
    pass.dispatchWorkgroups(Math.ceil(input.length / 64));
    pass.end();
    encoder.copyBufferToBuffer(buffer, 0, result, 0, input.byteLength);
    device.queue.submit([encoder.finish()]);
    await result.mapAsync(GPUMapMode.READ);
    expect(new Float32Array(result.getMappedRange())).toEqual(input.map((x) => 2 * x + 1));
    device.destroy();
  });

  test("an unknown name is answered with the names there are, and each of them works", async () => {
    const error: unknown = await openDawn({ adapter: "no such adapter" }).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(AdapterError);
    const [, name] = /^No adapter is called "no such adapter"; there is "([^"\n]+)"/.exec(
      (error as AdapterError).message,
    )!;
    await expect(openDawn({ adapter: name! })).resolves.toHaveProperty("adapter");
  });
});
