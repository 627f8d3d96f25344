/** Our own inference. */
import type { Gpu } from "../../src/gpu/gpu.ts";
import type { NodeProfile } from "../../src/graph/profile.ts";
import { releaseVariables, writeVariable } from "../../src/graph/storage.ts";
import { MGANet } from "../../src/models/mganet/network.ts";
import { Predictor } from "../../src/train/predictor.ts";
import type { InferenceImplementation, InferenceSetup } from "../peers/peer.ts";

export async function createInference(
  gpu: Gpu,
  setup: InferenceSetup,
): Promise<InferenceImplementation & { profile(): Promise<NodeProfile[]> }> {
  const net = new MGANet(setup.model);
  const variables = [...net.named()];
  for (const [name, variable] of variables) writeVariable(gpu, variable, setup.parameters.get(name)!.data);
  const predictor = await Predictor.create(gpu, (x) => net.forward(x), { batch: setup.n, size: setup.size });
  return {
    async infer() {
      const predictions = await predictor.predict(setup.image);
      const [h, w] = setup.size;
      const mask = new Float32Array(setup.n * h * w);
      for (const [i, prediction] of predictions.entries()) mask.set(prediction.mask!, i * h * w);
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
