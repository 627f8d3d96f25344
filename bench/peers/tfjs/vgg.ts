/** VGG-16 with batch norm in tfjs. */
import { tf } from "./library.ts";
import { classLoss, type Layers, type Output, type TfjsNetwork } from "./network.ts";
import { adaptivePool } from "./pooling.ts";

/** Convolutions of each stage. */
const STAGES = [2, 2, 3, 3, 3];
/** Side of the maps that the classifier sees. */
const SIDE = 7;

function forward(image: tf.Tensor4D, layers: Layers): Output {
  let y = image;
  let number = 0;
  for (const count of STAGES) {
    for (let i = 0; i < count; i++) {
      const onImage = number === 0;
      y = layers.block(`features.${number}`, `features.${number + 1}`, y, { relu: true, onImage });
      // The ReLU has a number, too.
      number += 3;
    }
    y = tf.maxPool(y, 2, 2, "valid");
    number++;
  }
  const flat = adaptivePool(y, [SIDE, SIDE]);
  const hidden = layers.linear("classifier.3", layers.linear("classifier.0", flat, { relu: true }), { relu: true });
  return { logits: layers.linear("classifier.6", hidden) };
}

export const vgg: TfjsNetwork = { forward, loss: classLoss };
