/** Rearrangements of activations and tokens: windows, squares of pixels, heads, tokens left out. */
import { gather, gatherFields, type Gather } from "../../shaders/gather.wgsl.ts";
import { prependFields, prependToken } from "../../shaders/prepend_token.wgsl.ts";
import { ceilDiv } from "./grid.ts";
import { alongFirst, f32, nhwc, requireShape, requireWhole, showShape, sizeOf, type Kernel } from "./kernel.ts";
import { perThread } from "./per-thread.ts";
import { lanesOf } from "./reduce.ts";

type Sizes = Partial<Record<Exclude<(typeof gatherFields)[number], "items" | "quads">, number>>;

function gatherKernel(
  name: string,
  how: Gather,
  [x, y]: readonly [readonly number[], readonly number[]],
  channels: number,
  sizes: Sizes,
  of: (images: number) => Kernel,
  images: number,
): Kernel {
  const lanes = lanesOf(channels);
  const items = sizeOf(y) / lanes;
  const values: Record<string, number> = { ...sizes, items, quads: channels / lanes };
  const kernel = { name, inputs: [f32(...x)], outputs: [f32(...y)], traits: { cheap: true } };
  return perThread(
    { ...kernel, parts: alongFirst([images], ([n]) => of(n!)) },
    items,
    ({ threads }) => gather(threads, lanes, how),
    gatherFields.map((field) => (values[field] ?? 0) >>> 0),
  );
}

/** How pixels are cut into windows, as in a Swin transformer. */
export interface Windows {
  /** Pixels of a side. */
  readonly window: number;
  /** By how many rows and columns pixels are moved up and left, around the border, before they are cut; each below `window`. */
  readonly shift: readonly [number, number];
}

/** Sides that are padded to whole windows. */
export const paddedTo = (side: number, window: number): number => ceilDiv(side, window) * window;

/** @throws ShapeError */
function windowSizes(op: string, x: readonly number[], { window, shift }: Windows) {
  const [n, h, w, c] = nhwc(op, x);
  requireWhole(op, "window", window, 1);
  requireShape(
    (shift as readonly number[]).length === 2,
    () => `${op}: shift must be two numbers, got ${showShape(shift)}`,
  );
  const [ph, pw] = [paddedTo(h, window), paddedTo(w, window)];
  for (const s of shift) {
    requireWhole(op, "shift", s, 0);
    requireShape(s < window, () => `${op}: a shift of ${s} is not below the window's ${window} pixels`);
  }
  const count = (ph / window) * (pw / window);
  const sizes = { h, w, ph, pw, window, sy: shift[0], sx: shift[1] };
  return { n, c, count, sizes, windows: [n * count, window * window, c] };
}

/** y [N · windows, w², C] from x [N, H, W, C], zero where a window reaches beyond the image. */
export function windowPartitionKernel(name: string, x: readonly number[], how: Windows): Kernel {
  const { n, c, sizes, windows } = windowSizes("windowPartition", x, how);
  const of = (images: number) => windowPartitionKernel(name, [images, ...x.slice(1)], how);
  return gatherKernel(name, "windows", [x, windows], c, sizes, of, n);
}

/** y [N, H, W, C] (`y`) from windows [N · windows, w², C]. */
export function windowReverseKernel(name: string, y: readonly number[], how: Windows): Kernel {
  const { n, c, sizes, windows } = windowSizes("windowReverse", y, how);
  const of = (images: number) => windowReverseKernel(name, [images, ...y.slice(1)], how);
  return gatherKernel(name, "pixels", [windows, y], c, sizes, of, n);
}

/** y [N, H / 2, W / 2, 4 C] from x [N, H, W, C], or back. @throws ShapeError where a side is odd */
export function spaceToDepthKernel(name: string, x: readonly number[], back = false): Kernel {
  const [n, h, w, c] = nhwc("spaceToDepth", x);
  requireShape(h % 2 === 0 && w % 2 === 0, () => `spaceToDepth: ${showShape(x)} has an odd side`);
  const y = [n, h / 2, w / 2, 4 * c];
  const of = (images: number) => spaceToDepthKernel(name, [images, ...x.slice(1)], back);
  const shapes = back ? ([y, x] as const) : ([x, y] as const);
  return gatherKernel(name, back ? "squares" : "blocks", shapes, c, { h: h / 2, w: w / 2 }, of, n);
}

/** y [N, B, C] whose token t is token t + skip of x [N, A, C], zero where x has none. */
export function tokensKernel(name: string, x: readonly number[], tokens: number, skip: number): Kernel {
  const [n, h, c] = x as readonly [number, number, number];
  const of = (images: number) => tokensKernel(name, [images, h, c], tokens, skip);
  return gatherKernel(name, "tokens", [x, [n, tokens, c]], c, { h, w: tokens, sy: skip }, of, n);
}

/** y [N, W, H, C] from x [N, H, W, C]. */
export function swapKernel(name: string, x: readonly number[]): Kernel {
  const [n, h, w, c] = nhwc(name, x);
  const of = (images: number) => swapKernel(name, [images, h, w, c]);
  return gatherKernel(name, "swapped", [x, [n, w, h, c]], c, { h, w }, of, n);
}

/** y [N, 1 + T, C] from x [N, T, C], token [C] and positions [1 + T, C]: token and x one after another, plus the positions. */
export function prependTokenKernel(x: readonly number[]): Kernel {
  const [n, t, c] = x as readonly [number, number, number];
  const lanes = lanesOf(c);
  const items = (n * (t + 1) * c) / lanes;
  const values = { items, quads: c / lanes, tokens: t + 1 };
  return perThread(
    {
      name: "prependToken",
      inputs: [f32(...x), f32(c), f32(t + 1, c)],
      outputs: [f32(n, t + 1, c)],
      traits: { cheap: true },
      parts: alongFirst(x, prependTokenKernel),
    },
    items,
    ({ threads }) => prependToken(threads, lanes),
    prependFields.map((field) => values[field]),
  );
}
