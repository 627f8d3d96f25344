/** Inference in tfjs, on either of its backends, with the formulation of each convolution that is fastest. */
import type { Inferred, InferenceImplementation, InferenceSetup } from "../peer.ts";
import { disposeConstants } from "./constants.ts";
import { FoldedLayers } from "./folded-layers.ts";
import type { Session } from "./kernels.ts";
import { tf } from "./library.ts";
import { networkOf } from "./networks.ts";

/** @throws UnableError for a network that tfjs cannot compute */
export async function createInference(session: Session, setup: InferenceSetup): Promise<InferenceImplementation> {
  const { forward } = networkOf(setup.network);
  await session.use();
  const { size, n, image, options } = setup;
  const layers = new FoldedLayers(setup.parameters);
  const infer = async (): Promise<Inferred> => {
    const outputs = tf.tidy(() => {
      const { logits, mask } = forward(tf.tensor4d(image, [n, ...size, 3]), layers, options);
      return [tf.softmax(logits), ...(mask ? [mask] : [])];
    });
    const [p, mask] = await Promise.all(outputs.map((tensor) => tensor.data()));
    tf.dispose(outputs);
    return {
      malignant: Float32Array.from({ length: n }, (_, i) => p![2 * i + 1]!),
      mask: mask as Float32Array | undefined,
    };
  };
  // A first pass tells which convolutions there are.
  await infer();
  await layers.tune(() => session.idle());
  return {
    async infer() {
      await session.use();
      return infer();
    },
    async destroy() {
      await session.use();
      layers.dispose();
      disposeConstants();
    },
  };
}
