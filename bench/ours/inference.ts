/** Our own inference. */
import type { Gpu } from "../../src/gpu/gpu.ts";
import type { NodeProfile } from "../../src/graph/profile.ts";
import { releaseVariables, writeVariable } from "../../src/graph/storage.ts";
import { Predictor } from "../../src/train/predictor.ts";
import { modelOf, timedPhase } from "../shared-networks.ts";
import type { InferenceImplementation, InferenceSetup } from "../peers/peer.ts";

export interface OurInference extends InferenceImplementation {
  /** Floating-point operations of the convolutions and products of matrices. */
  readonly flops: number;
  /** Where the time goes. */
  profile(): Promise<NodeProfile[]>;
}

export async function createInference(gpu: Gpu, setup: InferenceSetup): Promise<OurInference> {
  const model = modelOf(setup);
  const phase = timedPhase(model);
  const variables = [...model.net.named()];
  for (const [name, variable] of variables) writeVariable(gpu, variable, setup.parameters.get(name)!.data);
  const options = { batch: setup.n, size: setup.size };
  const predictor = await Predictor.create(gpu, (x) => phase.infer(x), options);
  return {
    flops: Predictor.kernels((x) => phase.infer(x), options).reduce((sum, { flops }) => sum + flops, 0),
    async infer() {
      const predictions = await predictor.predict(setup.image);
      const [h, w] = setup.size;
      const masks = predictions.flatMap(({ mask }) => mask ?? []);
      const mask = masks.length > 0 ? new Float32Array(setup.n * h * w) : undefined;
      for (const [i, values] of masks.entries()) mask!.set(values, i * h * w);
      return { malignant: Float32Array.from(predictions, (p) => p.probabilities![1]!), mask };
    },
    profile: () => predictor.profile(gpu, setup.image),
    destroy() {
      predictor.destroy();
      releaseVariables(
        gpu,
        variables.map(([, v]) => v),
      );
    },
  };
}
