/** The trainable parameters and Adam, in as few kernel calls as tfjs allows. */
import type { ParameterValue } from "../peer.ts";
import { scalar } from "./constants.ts";
import { tf } from "./library.ts";

/**
 * Parameters with fewer elements lie behind each other in one tensor, so that one update serves all of them: an update
 * takes ten calls, and for a small tensor calling costs more than computing. For a large one copying would.
 */
const LARGE = 4096;

/** PyTorch's defaults. */
const [BETA1, BETA2, EPS] = [0.9, 0.999, 1e-8];

/** A tensor in training, with m / (1 - beta1) and v / (1 - beta2): its moments without their last factor. */
interface Slot {
  value: tf.Variable;
  m: tf.Variable;
  v: tf.Variable;
}

function slotOf(shape: readonly number[], data: Float32Array): Slot {
  const variable = (values: Float32Array) => tf.tidy(() => tf.variable(tf.tensor(values, [...shape])));
  return { value: variable(data), m: variable(new Float32Array(data.length)), v: variable(data.map(() => 0)) };
}

export class Trainables {
  /** Names in the order of `tensors`. */
  readonly names: readonly string[];
  readonly #large: readonly Slot[];
  readonly #small: Slot;
  readonly #smallShapes: readonly number[][];
  readonly #smallSizes: number[];
  #steps = 0;

  constructor(parameters: ReadonlyMap<string, ParameterValue>) {
    const all = [...parameters].filter(([, p]) => p.trainable);
    const large = all.filter(([, p]) => p.data.length >= LARGE);
    const small = all.filter(([, p]) => p.data.length < LARGE);
    this.names = [...large, ...small].map(([name]) => name);
    this.#large = large.map(([, p]) => slotOf(p.shape, p.data));
    this.#smallShapes = small.map(([, p]) => [...p.shape]);
    this.#smallSizes = small.map(([, p]) => p.data.length);
    const flat = Float32Array.from(small.flatMap(([, p]) => [...p.data]));
    this.#small = slotOf([flat.length], flat);
  }

  /** The present parameters. Large ones are the variables themselves: call within tf.tidy, and dispose nothing. */
  tensors(): tf.Tensor[] {
    const small = tf.split(this.#small.value, this.#smallSizes);
    return [...this.#large.map((slot) => slot.value), ...small.map((t, i) => t.reshape(this.#smallShapes[i]!))];
  }

  /** One step of Adam with gradients in the order of `tensors`; call within tf.tidy. */
  update(gradients: readonly tf.Tensor[], lr: number): void {
    this.#steps++;
    // p -= lr m' / (sqrt(v') + eps) with m' = m / (1 - beta1^t) and v' = v / (1 - beta2^t), all constants drawn together.
    const spread = Math.sqrt((1 - BETA2 ** this.#steps) / (1 - BETA2));
    const rate = tf.scalar((lr * (1 - BETA1) * spread) / (1 - BETA1 ** this.#steps));
    const eps = tf.scalar(EPS * spread);
    const adam = ({ value, m, v }: Slot, gradient: tf.Tensor) => {
      m.assign(tf.add(tf.mul(m, scalar(BETA1)), gradient));
      v.assign(tf.add(tf.mul(v, scalar(BETA2)), tf.square(gradient)));
      value.assign(tf.sub(value, tf.mul(tf.div(m, tf.add(tf.sqrt(v), eps)), rate)));
    };
    for (const [i, slot] of this.#large.entries()) adam(slot, gradients[i]!);
    adam(this.#small, tf.concat(gradients.slice(this.#large.length).map((g) => g.reshape([g.size]))));
  }

  dispose(): void {
    for (const { value, m, v } of [...this.#large, this.#small]) tf.dispose([value, m, v]);
  }
}
