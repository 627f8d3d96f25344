/** What a kernel benchmark computes, in terms that every implementation understands. Layouts are ours: NHWC and HWIO. */

/** A convolution of x [N, H, W, Ci] with a square kernel of odd side K, padding (K - 1) / 2, to y [N, OH, OW, Co]. */
export interface ConvShape {
  readonly n: number;
  readonly h: number;
  readonly w: number;
  readonly ci: number;
  readonly oh: number;
  readonly ow: number;
  readonly co: number;
  readonly kernel: number;
  readonly stride: number;
}

export const convPasses = ["forward", "inputGrad", "weightGrad"] as const;
export type ConvPass = (typeof convPasses)[number];

/** x, weight -> y; weight, dy -> dx; x, dy -> dweight. */
export interface ConvCase extends ConvShape {
  readonly kind: "conv2d";
  readonly pass: ConvPass;
}

/** y = relu(batchNorm(x)) in training mode and back: x, weight, bias, dy -> y, dx, dweight, dbias. */
export interface BatchNormCase {
  readonly kind: "batchNorm";
  /** [N, H, W, C]. */
  readonly shape: Shape4;
}

/** Bilinear, half-pixel centres: x -> y, or dy -> dx. */
export interface ResizeCase {
  readonly kind: "resize";
  readonly pass: "forward" | "inputGrad";
  /** Of x. */
  readonly shape: Shape4;
  /** Height and width of y. */
  readonly size: readonly [number, number];
}

/**
 * Mask-Guided Attention in parallel fusion, and back from the loss sum(y dy): f, mask, dy and the two linear layers -> y,
 * df, dmask and the layers' gradients.
 */
export interface MgaCase {
  readonly kind: "mga";
  /** Of the features f. */
  readonly shape: Shape4;
  /** Height and width of the mask [N, h, w, 1]. */
  readonly mask: readonly [number, number];
  /** Channels between the two linear layers. */
  readonly hidden: number;
}

/** One step of Adam on all trainable parameters of MGA-Net at a width: p<i>, g<i> -> p<i>. */
export interface AdamCase {
  readonly kind: "adam";
  readonly width: number;
  readonly shapes: readonly (readonly number[])[];
}

export type KernelCase = ConvCase | BatchNormCase | ResizeCase | MgaCase | AdamCase;

export type Shape4 = readonly [number, number, number, number];

/** Adam's learning rate in these benchmarks: large, so that an update is large next to its parameter. */
export const ADAM_LR = 0.1;

const hwc = ([, h, w, c]: Shape4) => `${h}x${w}x${c}`;

/** As in the results, without the batch. */
export function nameOf(c: KernelCase): string {
  switch (c.kind) {
    case "conv2d":
      return `kernel/conv2d/${c.h}x${c.w}x${c.ci}-${c.co}-${c.kernel}x${c.kernel}s${c.stride}/${c.pass}`;
    case "batchNorm":
      return `kernel/batchNorm/${hwc(c.shape)}`;
    case "resize":
      return `kernel/resize/${hwc(c.shape)}-${c.size.join("x")}/${c.pass}`;
    case "mga":
      return `kernel/mga/${hwc(c.shape)}`;
    case "adam":
      return `kernel/adam/width-${c.width}`;
  }
}

/** Images at once; undefined where there are none. */
export function batchOf(c: KernelCase): number | undefined {
  if (c.kind === "conv2d") return c.n;
  return c.kind === "adam" ? undefined : c.shape[0];
}

/** The same on n images. */
export function batched(c: KernelCase, n: number): KernelCase {
  if (c.kind === "conv2d") return { ...c, n };
  if (c.kind === "adam") return c;
  const [, h, w, channels] = c.shape;
  return { ...c, shape: [n, h, w, channels] };
}

/** Floating-point operations of a convolution by the direct algorithm; 0 for what bytes are the cost of. */
export const flopsOf = (c: KernelCase): number => (c.kind === "conv2d" ? convFlops(c) : 0);

export const convFlops = (s: ConvShape): number => 2 * s.n * s.oh * s.ow * s.co * s.kernel ** 2 * s.ci;

/** Shapes of the operands by name. */
export function operandsOf(c: KernelCase): Record<string, readonly number[]> {
  switch (c.kind) {
    case "conv2d": {
      const x = [c.n, c.h, c.w, c.ci];
      const weight = [c.kernel, c.kernel, c.ci, c.co];
      const dy = [c.n, c.oh, c.ow, c.co];
      return { forward: { x, weight }, inputGrad: { weight, dy }, weightGrad: { x, dy } }[c.pass];
    }
    case "batchNorm": {
      const channels = [c.shape[3]];
      return { x: c.shape, weight: channels, bias: channels, dy: c.shape };
    }
    case "resize":
      return c.pass === "forward" ? { x: c.shape } : { dy: [c.shape[0], ...c.size, c.shape[3]] };
    case "mga": {
      const channels = c.shape[3];
      return {
        f: c.shape,
        mask: [c.shape[0], ...c.mask, 1],
        dy: c.shape,
        weight1: [channels, c.hidden],
        bias1: [c.hidden],
        weight2: [c.hidden, channels],
        bias2: [channels],
      };
    }
    case "adam":
      return Object.fromEntries(c.shapes.flatMap((s, i) => [[`p${i}`, s] as const, [`g${i}`, s] as const]));
  }
}
