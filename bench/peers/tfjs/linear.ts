/** Linear layers, with bias and ReLU in one kernel, and a gradient without tfjs' slow sums. */
import { tf } from "./library.ts";
import { scalar } from "./constants.ts";
import { batchMean, rowSum } from "./means.ts";

/** relu?(x weight + bias). x [R, I], weight [I, O], bias [O]. */
export const linear = (x: tf.Tensor2D, weight: tf.Tensor2D, bias: tf.Tensor1D, relu: boolean): tf.Tensor2D =>
  tf.fused.matMul({ a: x, b: weight, bias, activation: relu ? "relu" : "linear" }) as tf.Tensor2D;

/** The same for training. */
export const trainableLinear = (x: tf.Tensor2D, weight: tf.Tensor2D, bias: tf.Tensor1D, relu: boolean): tf.Tensor2D =>
  tf.customGrad((...args) => {
    const [x, weight, bias, save] = args as unknown as [tf.Tensor2D, tf.Tensor2D, tf.Tensor1D, tf.GradSaveFunc];
    const y = linear(x, weight, bias, relu);
    save(relu ? [x, weight, y] : [x, weight]);
    const gradFunc = (dy: tf.Tensor, saved: tf.Tensor[]): tf.Tensor[] => {
      const [x, weight, y] = saved as [tf.Tensor2D, tf.Tensor2D, tf.Tensor2D?];
      const g = (y ? tf.mul(dy, tf.step(y)) : dy) as tf.Tensor2D;
      return [tf.matMul(g, weight, false, true), tf.matMul(x, g, true), rowSum(g)];
    };
    return { value: y, gradFunc };
  })(x, weight, bias);

/** x [N, H, W, C] + bias [C], whose gradient tfjs would sum slowly. */
export const addBias = (x: tf.Tensor4D, bias: tf.Tensor1D): tf.Tensor4D =>
  tf.customGrad((...args) => {
    const [x, bias, save] = args as unknown as [tf.Tensor4D, tf.Tensor1D, tf.GradSaveFunc];
    save([]);
    const c = x.shape[3];
    const gradFunc = (dy: tf.Tensor): tf.Tensor[] => {
      const pixels = batchMean(dy as tf.Tensor4D);
      return [dy, tf.mul(pixels, scalar(dy.size / c)).reshape([c])];
    };
    // [1, 1, 1, C] rather than [C]: see batchnorm.ts.
    return { value: tf.add<tf.Tensor4D>(x, bias.reshape([1, 1, 1, c])), gradFunc };
  })(x, bias);
