/** A compiled plan that is run without reading anything back: what a kernel costs, and nothing else. */
import type { Gpu } from "../../src/gpu/gpu.ts";
import { compile } from "../../src/graph/compile.ts";
import { kernelsOf } from "../../src/graph/preview.ts";
import type { Graph } from "../../src/graph/graph.ts";
import type { Plan } from "../../src/graph/plan.ts";
import { encodeStep } from "../../src/graph/steps.ts";
import type { Node, Tensor } from "../../src/graph/tensor.ts";
import { bytesMoved, type HostArray } from "../../src/kernels/kernel.ts";
import type { KernelImplementation } from "../peers/peer.ts";

/** One of our kernels. */
export interface OurKernel extends KernelImplementation {
  /** Bytes that its dispatches read and write at least. */
  readonly bytes: number;
}

export interface Recorded {
  readonly graph: Graph;
  readonly outputs?: Readonly<Record<string, Tensor>>;
  readonly updates?: readonly Node[];
  /** Whether the plain variants run. */
  readonly plain?: boolean;
}

/** Inputs are uploaded once and stay; a run is one submit. */
export class PlanRun {
  /** Bytes that the kernels read and write at least. */
  readonly bytes: number;
  readonly #gpu: Gpu;
  readonly #plan: Plan;
  readonly #inputs: Readonly<Record<string, HostArray>>;

  private constructor(gpu: Gpu, plan: Plan, inputs: Readonly<Record<string, HostArray>>, bytes: number) {
    this.bytes = bytes;
    this.#gpu = gpu;
    this.#plan = plan;
    this.#inputs = inputs;
    plan.upload(inputs);
  }

  /** `inputs`: values of those inputs of the graph that anything depends on. */
  static async create(
    gpu: Gpu,
    { graph, ...wanted }: Recorded,
    inputs: Readonly<Record<string, HostArray>>,
  ): Promise<PlanRun> {
    const bytes = kernelsOf(graph, wanted).reduce((sum, kernel) => sum + bytesMoved(kernel), 0);
    return new PlanRun(gpu, await compile(gpu, graph, wanted), inputs, bytes);
  }

  /** The outputs, by name. */
  async results(): Promise<Map<string, Float32Array>> {
    return new Map(Object.entries(await this.#plan.run(this.#inputs)));
  }

  async run(times: number): Promise<void> {
    for (let i = 0; i < times; i++) {
      const encoder = this.#gpu.device.createCommandEncoder();
      const pass = encoder.beginComputePass();
      for (const step of this.#plan.steps) encodeStep(pass, step);
      pass.end();
      this.#gpu.submit(encoder.finish());
    }
    await this.#gpu.idle();
  }

  destroy(): void {
    this.#plan.destroy();
  }
}
