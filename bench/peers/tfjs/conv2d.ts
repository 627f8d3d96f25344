/**
 * Convolution with a gradient of its own. tfjs offers several ways to the same numbers, and which is fastest depends on
 * the shape and the adapter: `tune` measures them, and each layer takes the fastest.
 */
import type { ConvPass, ConvShape as Shape } from "../../kernels/case.ts";
import { tf } from "./library.ts";
import { Tuner } from "./tune.ts";

interface ConvShape extends Shape {
  readonly padding: number;
}

interface Formulation {
  /** Whether it is right at stride 1 only. */
  unitStride?: true;
  run: (s: ConvShape, a: tf.Tensor4D, b: tf.Tensor4D) => tf.Tensor4D;
}

/** By name; the first is tfjs' own choice. */
type Formulations = Readonly<Record<string, Formulation>>;

const pads = (vertical: number, horizontal = vertical): [[0, 0], [number, number], [number, number], [0, 0]] => [
  [0, 0],
  [vertical, vertical],
  [horizontal, horizontal],
  [0, 0],
];

/** The filter that undoes a filter's direction: rotated by 180 degrees, input and output channels swapped. */
const turned = (filter: tf.Tensor4D): tf.Tensor4D => tf.transpose(tf.reverse(filter, [0, 1]), [0, 1, 3, 2]);

/** (x, filter) -> y. */
const forward: Formulations = {
  conv2d: { run: (s, x, filter) => tf.conv2d(x, filter, s.stride, pads(s.padding)) },
  // tfjs' transposed convolution has a shader without shared memory and barriers, which lavapipe runs faster.
  transposed: {
    unitStride: true,
    run: (s, x, filter) =>
      tf.conv2dTranspose(x, turned(filter), [s.n, s.oh, s.ow, s.co], 1, pads(s.kernel - 1 - s.padding)),
  },
};

/** (dy, filter) -> dx. */
const inputGradient: Formulations = {
  transposed: {
    run: (s, dy, filter) => tf.conv2dTranspose(dy, filter, [s.n, s.h, s.w, s.ci], s.stride, pads(s.padding)),
  },
  conv2d: {
    unitStride: true,
    run: (s, dy, filter) => tf.conv2d(dy, turned(filter), 1, pads(s.kernel - 1 - s.padding)),
  },
};

/** (x, dy) -> d filter. */
const filterGradient = (columnsOf: (s: ConvShape) => tf.Tensor1D): Formulations => ({
  direct: {
    run: (s, x, dy) => {
      const attributes = { strides: s.stride, pad: pads(s.padding), dataFormat: "NHWC" };
      const filterShape = [s.kernel, s.kernel, s.ci, s.co];
      return tf.engine().runKernel<tf.Tensor4D>(tf.Conv2DBackpropFilter, { x, dy }, { ...attributes, filterShape });
    },
  },
  product: { run: (s, x, dy) => patchProduct(s, x, dy, columnsOf(s)) },
  // tfjs chooses among four kinds of matrix product by the number of workgroups. On lavapipe, where that does not matter,
  // its choice can take five times as long as the packed kind.
  packedProduct: {
    run(s, x, dy) {
      tf.env().set(MATMUL_KIND, PACKED);
      try {
        return patchProduct(s, x, dy, columnsOf(s));
      } finally {
        tf.env().set(MATMUL_KIND, BY_TFJS);
      }
    },
  },
  // The convolution of x with dy, images and channels having changed places, once more as a transposed one.
  transposed: {
    unitStride: true,
    run: (s, x, dy) => {
      const filter = tf.reverse(tf.transpose(dy, [1, 2, 3, 0]), [0, 1]);
      const padding = pads(s.oh - 1 - s.padding, s.ow - 1 - s.padding);
      const shape: [number, number, number, number] = [s.ci, s.kernel, s.kernel, s.co];
      return tf.transpose(tf.conv2dTranspose(tf.transpose(x, [3, 1, 2, 0]), filter, shape, 1, padding), [1, 2, 0, 3]);
    },
  },
});

const MATMUL_KIND = "WEBGPU_MATMUL_PROGRAM_TYPE";
/** MatMulProgramType.MatMulPackedProgram, which the package does not export, and the default. */
const [PACKED, BY_TFJS] = [3, -1];

/** The patches of x under the kernel as a matrix, its transpose times dy. */
function patchProduct(s: ConvShape, x: tf.Tensor4D, dy: tf.Tensor4D, columns: tf.Tensor1D): tf.Tensor4D {
  const pixels = s.n * s.oh * s.ow;
  const all: tf.Tensor2D = x.reshape([s.n * s.h * s.w, s.ci]);
  const rows = s.kernel === 1 && s.stride === 1 ? all : tf.gather(all, columns);
  const patches: tf.Tensor2D = rows.reshape([pixels, s.kernel * s.kernel * s.ci]);
  return tf.matMul(patches, dy.reshape([pixels, s.co]), true).reshape([s.kernel, s.kernel, s.ci, s.co]);
}

/** For every output pixel and tap the row of x [N H W, Ci] under it; -1, for which tf.gather gives zeros, outside. */
function columns({ n, h, w, oh, ow, kernel, stride, padding }: ConvShape): Int32Array {
  const rows = new Int32Array(n * oh * ow * kernel * kernel);
  let at = 0;
  for (let image = 0; image < n; image++)
    for (let y = 0; y < oh; y++)
      for (let x = 0; x < ow; x++)
        for (let i = 0; i < kernel; i++)
          for (let j = 0; j < kernel; j++) {
            const [row, column] = [y * stride + i - padding, x * stride + j - padding];
            const inside = row >= 0 && row < h && column >= 0 && column < w;
            rows[at++] = inside ? (image * h + row) * w + column : -1;
          }
  return rows;
}

export class Convolutions {
  readonly #shapes = new Map<string, ConvShape>();
  readonly #columns = new Map<string, tf.Tensor1D>();
  readonly #passes: Readonly<Record<ConvPass, Formulations>> = {
    forward,
    inputGrad: inputGradient,
    weightGrad: filterGradient((s) => this.#columnsOf(s)),
  };
  readonly #tuner: Tuner;

  /** @param thorough see Tuner */
  constructor(thorough = true) {
    this.#tuner = new Tuner(thorough);
  }

  /**
   * x [N, H, W, Ci] * filter [K, K, Ci, Co] with padding (K - 1) / 2.
   * @param differentiable whether the loss is wanted as a function of x; not so for the image
   */
  apply(x: tf.Tensor4D, filter: tf.Tensor4D, stride: number, differentiable = true): tf.Tensor4D {
    const s = shapeOf(x, filter, stride);
    this.#shapes.set(keyOf(s), s);
    const convolve = (x: tf.Tensor4D, filter: tf.Tensor4D) => this.run("forward", s, x, filter);
    const byInput = (dy: tf.Tensor4D, filter: tf.Tensor4D) => this.run("inputGrad", s, dy, filter);
    const byFilter = (x: tf.Tensor4D, dy: tf.Tensor4D) => this.run("weightGrad", s, x, dy);
    if (!differentiable) {
      return tf.customGrad((...args) => {
        const [filter, save] = args as unknown as [tf.Tensor4D, tf.GradSaveFunc];
        save([]);
        return { value: convolve(x, filter), gradFunc: (dy: tf.Tensor4D) => byFilter(x, dy) };
      })(filter);
    }
    return tf.customGrad((...args) => {
      const [x, filter, save] = args as unknown as [tf.Tensor4D, tf.Tensor4D, tf.GradSaveFunc];
      save([x, filter]);
      const gradFunc = (dy: tf.Tensor4D, saved: tf.Tensor[]) => {
        const [x, filter] = saved as [tf.Tensor4D, tf.Tensor4D];
        return [byInput(dy, filter), byFilter(x, dy)];
      };
      return { value: convolve(x, filter), gradFunc };
    })(x, filter);
  }

  /** One pass: (x, filter) -> y, (dy, filter) -> dx or (x, dy) -> d filter. */
  run(pass: ConvPass, shape: Shape, a: tf.Tensor4D, b: tf.Tensor4D): tf.Tensor4D {
    const s = padded(shape);
    return this.#tuner.choice(`${pass} ${keyOf(s)}`, usable(this.#passes[pass], s)).run(s, a, b);
  }

  /** Measures the formulations of one pass. `idle` waits for the device. */
  async tunePass(pass: ConvPass, shape: Shape, a: tf.Tensor4D, b: tf.Tensor4D, idle: () => Promise<void>) {
    const s = padded(shape);
    const formulations = usable(this.#passes[pass], s);
    await this.#tuner.tune(`${pass} ${keyOf(s)}`, formulations, ({ run }) => run(s, a, b), idle);
  }

  /** Measures the formulations of every layer that has been applied so far. */
  async tune(idle: () => Promise<void>): Promise<void> {
    for (const s of this.#shapes.values()) {
      const x: tf.Tensor4D = tf.randomNormal([s.n, s.h, s.w, s.ci]);
      const filter: tf.Tensor4D = tf.randomNormal([s.kernel, s.kernel, s.ci, s.co]);
      const dy: tf.Tensor4D = tf.randomNormal([s.n, s.oh, s.ow, s.co]);
      await this.tunePass("forward", s, x, filter, idle);
      await this.tunePass("inputGrad", s, dy, filter, idle);
      await this.tunePass("weightGrad", s, x, dy, idle);
      tf.dispose([x, filter, dy]);
    }
  }

  #columnsOf(s: ConvShape): tf.Tensor1D {
    const key = keyOf(s);
    let tensor = this.#columns.get(key);
    if (!tensor) this.#columns.set(key, (tensor = tf.keep(tf.tensor1d(columns(s), "int32"))));
    return tensor;
  }

  dispose(): void {
    tf.dispose([...this.#columns.values()]);
  }
}

const padded = (s: Shape): ConvShape => ({ ...s, padding: (s.kernel - 1) / 2 });

function shapeOf(x: tf.Tensor4D, filter: tf.Tensor4D, stride: number): ConvShape {
  const [n, h, w, ci] = x.shape;
  const [kernel, , , co] = filter.shape;
  const padding = (kernel - 1) / 2;
  const out = (size: number) => Math.floor((size + 2 * padding - kernel) / stride) + 1;
  return { n, h, w, ci, co, oh: out(h), ow: out(w), kernel, stride, padding };
}

const keyOf = (s: ConvShape): string => `${s.n}x${s.h}x${s.w}x${s.ci}->${s.co} k${s.kernel} s${s.stride}`;

const usable = (formulations: Formulations, { stride }: ConvShape): Formulations =>
  Object.fromEntries(Object.entries(formulations).filter(([, f]) => stride === 1 || !f.unitStride));
