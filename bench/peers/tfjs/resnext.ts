/** ResNeXt-50 in tfjs, which has no convolutions in groups: each is in one. */
import { tf } from "./library.ts";
import { spatialMean } from "./means.ts";
import { classLoss, type Layers, type Output, type TfjsNetwork } from "./network.ts";
import { stemPool } from "./pooling.ts";

const BLOCKS = [3, 4, 6, 3];

function forward(image: tf.Tensor4D, layers: Layers): Output {
  const bottleneck = (path: string, x: tf.Tensor4D, stride: number): tf.Tensor4D => {
    const residual = layers.has(`${path}.downsample.0`)
      ? layers.block(`${path}.downsample.0`, `${path}.downsample.1`, x, { stride })
      : x;
    const y = layers.block(`${path}.conv1`, `${path}.bn1`, x, { relu: true });
    const z = layers.block(`${path}.conv2`, `${path}.bn2`, y, { stride, relu: true });
    return layers.block(`${path}.conv3`, `${path}.bn3`, z, { relu: true, residual });
  };
  let y = stemPool(layers.block("conv1", "bn1", image, { stride: 2, relu: true, onImage: true }));
  for (const [i, blocks] of BLOCKS.entries()) {
    for (let j = 0; j < blocks; j++) y = bottleneck(`layer${i + 1}.${j}`, y, i > 0 && j === 0 ? 2 : 1);
  }
  const features: tf.Tensor2D = spatialMean(y).reshape([y.shape[0], y.shape[3]]);
  return { logits: layers.linear("fc", features) };
}

export const resnext: TfjsNetwork = { forward, loss: classLoss };
