/** Where the time of a plan goes: every dispatch timed on its own. */
import type { Gpu } from "../gpu/gpu.ts";
import { regionOf } from "./storage.ts";
import type { HostArray, Plan } from "./plan.ts";
import { encodeStep, type PlanStep } from "./steps.ts";
import type { Node } from "./tensor.ts";

/** One node of a plan: all dispatches of one kernel call. */
export interface NodeProfile {
  readonly node: Node;
  /** The kernel's name and variant, such as "conv2d.inputGrad/subgroup". */
  readonly kernel: string;
  /** Path of the module that called it. */
  readonly layer: string;
  /** Median over the repeats, in milliseconds. */
  readonly ms: number;
  readonly dispatches: number;
  /** Since the start of the run, in milliseconds, in the last repeat; for traces. */
  readonly begin: number;
  readonly end: number;
  /** Floating-point operations of the direct algorithm; 0 where bytes are the cost. */
  readonly flops: number;
  /** Bytes that it reads and writes at least once. */
  readonly bytes: number;
}

/** Queries per set that WebGPU guarantees. */
const MAX_QUERIES_PER_SET = 4096;
const DISPATCHES_PER_SET = MAX_QUERIES_PER_SET / 2;

/** No further repeats after this time. */
const MAX_PROFILE_MS = 10_000;

/**
 * Runs the plan `repeats` times, fewer if that takes long, each dispatch in a compute pass of its own between two
 * timestamps. Where the adapter has no timestamps, each dispatch is submitted on its own and waited for, which adds
 * overhead. Variables that the plan updates are restored at the end.
 */
export async function profilePlan(
  gpu: Gpu,
  plan: Plan,
  inputs: Readonly<Record<string, HostArray>>,
  repeats = 5,
): Promise<NodeProfile[]> {
  const { steps } = plan;
  plan.requireAlive();
  const variables = keepVariables(gpu, steps);
  plan.upload(inputs);
  const runs: Float64Array[] = [];
  const time = gpu.caps.timestamps ? byTimestamps(gpu, steps) : { run: () => bySubmits(gpu, steps), destroy() {} };
  try {
    await time.run(); // The first one may include compiling.
    const begun = performance.now();
    for (let i = 0; i < repeats && (i === 0 || performance.now() - begun < MAX_PROFILE_MS); i++)
      runs.push(await time.run());
  } finally {
    time.destroy();
    variables.restore();
  }
  const profiles: NodeProfile[] = [];
  const last = runs.at(-1)!;
  for (let i = 0; i < steps.length;) {
    const { node, variant, bytes } = steps[i]!;
    let end = i;
    while (end < steps.length && steps[end]!.node === node) end++;
    const durations = runs.map((times) => {
      let sum = 0;
      for (let k = i; k < end; k++) sum += times[2 * k + 1]! - times[2 * k]!;
      return sum;
    });
    profiles.push({
      node,
      kernel: `${node.kernel.name}/${variant}`,
      layer: node.layer,
      ms: durations.sort((a, b) => a - b)[durations.length >> 1]!,
      dispatches: end - i,
      begin: last[2 * i]! - last[0]!,
      end: last[2 * end - 1]! - last[0]!,
      flops: node.kernel.flops,
      bytes,
    });
    i = end;
  }
  return profiles;
}

/** Copies what the steps update in place, to restore it later. */
function keepVariables(gpu: Gpu, steps: readonly PlanStep[]): { restore: () => void } {
  const variables = [...new Set(steps.flatMap(({ node }) => node.updates))];
  const kept = variables.map((variable) => {
    const region = regionOf(gpu, variable);
    return { region, copy: gpu.createStorage(region.bytes, "kept") };
  });
  const encoder = gpu.device.createCommandEncoder();
  for (const { region, copy } of kept) encoder.copyBufferToBuffer(region.buffer, region.offset, copy, 0, region.bytes);
  gpu.submit(encoder.finish());
  return {
    restore() {
      const encoder = gpu.device.createCommandEncoder();
      for (const { region, copy } of kept)
        encoder.copyBufferToBuffer(copy, 0, region.buffer, region.offset, region.bytes);
      gpu.submit(encoder.finish());
      for (const { copy } of kept) copy.destroy();
    },
  };
}

/** Begin and end of every step in milliseconds, alternating. */
type Times = Float64Array;

function byTimestamps(gpu: Gpu, steps: readonly PlanStep[]): { run: () => Promise<Times>; destroy: () => void } {
  const sets: GPUQuerySet[] = [];
  for (let i = 0; i < steps.length; i += DISPATCHES_PER_SET) {
    sets.push(
      gpu.device.createQuerySet({ type: "timestamp", count: 2 * Math.min(DISPATCHES_PER_SET, steps.length - i) }),
    );
  }
  const bytes = 16 * steps.length;
  const usage = GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC;
  const resolved = gpu.createBuffer(bytes, usage, "timestamps");
  return {
    async run() {
      const encoder = gpu.device.createCommandEncoder();
      for (const [i, step] of steps.entries()) {
        const at = 2 * (i % DISPATCHES_PER_SET);
        const querySet = sets[Math.floor(i / DISPATCHES_PER_SET)]!;
        const pass = encoder.beginComputePass({
          timestampWrites: { querySet, beginningOfPassWriteIndex: at, endOfPassWriteIndex: at + 1 },
        });
        encodeStep(pass, step);
        pass.end();
      }
      for (const [i, set] of sets.entries())
        encoder.resolveQuerySet(set, 0, set.count, resolved, 16 * i * DISPATCHES_PER_SET);
      gpu.submit(encoder.finish());
      return Float64Array.from(new BigUint64Array(await gpu.read(resolved, 0, bytes)), (ns) => Number(ns) / 1e6);
    },
    destroy() {
      for (const set of sets) set.destroy();
      resolved.destroy();
    },
  };
}

async function bySubmits(gpu: Gpu, steps: readonly PlanStep[]): Promise<Times> {
  const times = new Float64Array(2 * steps.length);
  await gpu.idle();
  for (const [i, step] of steps.entries()) {
    const encoder = gpu.device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    encodeStep(pass, step);
    pass.end();
    times[2 * i] = performance.now();
    gpu.submit(encoder.finish());
    await gpu.idle();
    times[2 * i + 1] = performance.now();
  }
  return times;
}
