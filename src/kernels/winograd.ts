/** The three passes of a 3x3 convolution by Winograd's method (shaders/winograd.wgsl.ts), as variants of conv2d's kernels. */
import { epilogueOperands, type Epilogue } from "../../shaders/lib/epilogue.ts";
import { TAPS, type Conv2dShape } from "../../shaders/lib/conv.ts";
import { openLoop } from "../../shaders/lib/loops.ts";
import { loop } from "../../shaders/lib/thread.ts";
import type { TileSize } from "../../shaders/lib/winograd.ts";
import {
  winogradFields,
  winogradFilterGrad,
  winogradInput,
  winogradOutput,
  winogradOutputGrad,
  winogradWeights,
  type Threads,
} from "../../shaders/winograd.wgsl.ts";
import type { Capabilities } from "../gpu/capabilities.ts";
import { tilesOf, winogradCovers, winogradTiles, type Tiling } from "./conv2d-pass.ts";
import { THREADS } from "./grid.ts";
import {
  input,
  output,
  scratch,
  type Channels,
  type Dispatch,
  type Lowering,
  type LoweringContext,
  type OperandRef,
  type Source,
} from "./kernel.ts";
import { gram, matmul, splitsOf } from "./matmul.ts";
import { threadDispatch } from "./per-thread.ts";
import { sumPartsDispatch } from "./reduce.ts";
import { offsetsOf } from "./spatial.ts";

/** An image of the convolution and how it is cut into tiles. */
interface Image {
  n: number;
  h: number;
  w: number;
  c: number;
}

const threadsOf = ({ adapterClass }: Capabilities): Threads => ({
  threads: THREADS,
  round: adapterClass === "software" ? loop : openLoop,
});

type Field = (typeof winogradFields)[number];
const paramsOf = (values: Partial<Record<Field, number>>): number[] => winogradFields.map((name) => values[name] ?? 0);

/** Some of the channels that are transformed. */
interface Stretch {
  /** The number of all channels, and of those before these. */
  all: number;
  first: number;
}

/** A transform with one thread per tile (of `image`) and four channels. */
function tileTransform(
  label: string,
  { n, h, w, c }: Image,
  tiles: Tiling,
  bindings: readonly OperandRef[],
  code: string,
  [ph, pw]: readonly [number, number] = [0, 0],
  { all, first }: Stretch = { all: c, first: 0 },
): Dispatch {
  const place = { stride: all / 4, first: first / 4 };
  const params = paramsOf({ n, h, w, quads: c / 4, down: tiles.down, across: tiles.across, ph, pw, ...place });
  return threadDispatch(label, (tiles.count * c) / 4, bindings, () => code, params);
}

/** A transform with one thread per channel of one count and four of the other. */
function channelTransform(
  label: string,
  other: number,
  channels: number,
  bindings: readonly OperandRef[],
  code: string,
): Dispatch {
  const params = paramsOf({ quads: channels / 4, other });
  return threadDispatch(label, (other * channels) / 4, bindings, () => code, params);
}

/** The tiles of a convolution's input, one dispatch per source; the sources are the kernel's first inputs. */
function inputTiles(
  label: string,
  all: number,
  sources: readonly Source[],
  tiles: Tiling,
  v: OperandRef,
  { tile, padding, threads }: { tile: TileSize; padding: readonly [number, number]; threads: Threads },
): Dispatch[] {
  const offsets = offsetsOf(sources.map(({ shape }) => shape[3]!));
  return sources.map(({ shape, enlarge }, i) => {
    const [n, h, w, c] = shape as [number, number, number, number];
    const code = winogradInput(threads, tile, enlarge !== undefined);
    const stretch = { all, first: offsets[i]!.offset };
    return tileTransform(`${label}.tiles`, { n, h, w, c }, tiles, [input(i), v], code, padding, stretch);
  });
}

interface Pass {
  label: string;
  /** What is convolved, and what that is assembled from. */
  from: Image;
  sources: readonly Source[];
  /** The result, and the outputs into which it is split. */
  to: Image;
  outputs: readonly Channels[];
  padding: readonly [number, number];
  turned: boolean;
  epilogue: Epilogue;
}

/** Forward pass and input gradient: operands image (or its sources), weight, those of the epilogue, and the result. */
function convolve(variant: string, pass: Pass, tile: TileSize, { caps, half: wanted }: LoweringContext): Lowering {
  const { label, from, sources, to, outputs, padding, turned, epilogue } = pass;
  const tiles = tilesOf(to, tile);
  const squares = tile * tile;
  const [u, v, m] = [scratch(0), scratch(1), scratch(2)];
  // Weights stay [3,3,CI,CO], whichever of the two is the number of columns.
  const [ci, co] = turned ? [to.c, from.c] : [from.c, to.c];
  const product = { m: tiles.count, k: from.c, n: to.c, batch: squares };
  const weight = sources.length;
  const half = !turned && wanted;
  const threads = threadsOf(caps);
  return {
    variant,
    scratch: [((half ? 2 : 4) / 4) * from.c * to.c, tiles.count * from.c, tiles.count * to.c].map(
      (floats) => 4 * squares * floats,
    ),
    dispatches: [
      {
        ...channelTransform(
          `${label}.weights`,
          ci,
          co,
          [input(weight), u],
          winogradWeights(threads, tile, turned, half),
        ),
        dependsOn: [weight],
      },
      ...inputTiles(label, from.c, sources, tiles, v, { tile, padding, threads }),
      matmul(`${label}.product`, product, [v, u, m], { transposed: turned, half }, caps),
      ...outputs.map(({ offset, take }, k) =>
        tileTransform(
          `${label}.result`,
          { ...to, c: take },
          tiles,
          [m, ...epilogueOperands(epilogue).map((_, i) => input(weight + 1 + i)), output(k)],
          winogradOutput(threads, tile, epilogue),
          [0, 0],
          { all: to.c, first: offset },
        ),
      ),
    ],
  };
}

/** One for each size of tiles, where the method covers a convolution. */
const variants = (s: Conv2dShape, of: (variant: string, tile: TileSize) => Lowering): Lowering[] =>
  winogradCovers(s) ? Object.entries(winogradTiles).map(([variant, tile]) => of(variant, tile)) : [];

/** x as the only source. */
const itself = (s: Conv2dShape): Source[] => [{ shape: [s.n, s.h, s.w, s.ci] }];

export const winogradForward = (
  s: Conv2dShape,
  epilogue: Epilogue,
  context: LoweringContext,
  sources: readonly Source[] = itself(s),
): Lowering[] =>
  variants(s, (variant, tile) => {
    const from = { n: s.n, h: s.h, w: s.w, c: s.ci };
    const to = { n: s.n, h: s.oh, w: s.ow, c: s.co };
    const pass = {
      label: "conv2d",
      from,
      sources,
      to,
      outputs: [{ offset: 0, take: s.co }],
      padding: s.padding,
      turned: false,
      epilogue,
    };
    return convolve(variant, pass, tile, context);
  });

/** @param outputs the runs of channels into which dx is split */
export const winogradInputGrad = (
  s: Conv2dShape,
  epilogue: Epilogue,
  context: LoweringContext,
  outputs: readonly Channels[] = [{ offset: 0, take: s.ci }],
): Lowering[] =>
  variants(s, (variant, tile) => {
    const from = { n: s.n, h: s.oh, w: s.ow, c: s.co };
    const to = { n: s.n, h: s.h, w: s.w, c: s.ci };
    const padding = [TAPS - 1 - s.padding[0], TAPS - 1 - s.padding[1]] as const;
    const sources = [{ shape: [s.n, s.oh, s.ow, s.co] }];
    const pass = { label: "conv2d.inputGrad", from, sources, to, outputs, padding, turned: true, epilogue };
    return convolve(variant, pass, tile, context);
  });

export const winogradWeightGrad = (
  s: Conv2dShape,
  caps: Capabilities,
  sources: readonly Source[] = itself(s),
): Lowering[] =>
  variants(s, (variant, tile) => {
    const label = "conv2d.weightGrad";
    const dy = { n: s.n, h: s.oh, w: s.ow, c: s.co };
    const tiles = tilesOf(dy, tile);
    const squares = tile * tile;
    const threads = threadsOf(caps);
    const [v, z, m] = [scratch(0), scratch(1), scratch(2)];
    const product = { m: s.ci, k: tiles.count, n: s.co, batch: squares };
    const splits = splitsOf(product, caps);
    const sum = splits > 1 ? scratch(3) : m;
    return {
      variant,
      scratch: [tiles.count * s.ci, tiles.count * s.co, splits * s.ci * s.co, ...(splits > 1 ? [s.ci * s.co] : [])].map(
        (floats) => 4 * squares * floats,
      ),
      dispatches: [
        ...inputTiles(label, s.ci, sources, tiles, v, { tile, padding: s.padding, threads }),
        tileTransform(`${label}.filters`, dy, tiles, [input(sources.length), z], winogradOutputGrad(threads, tile)),
        gram(`${label}.product`, product, splits, [v, z, m], caps),
        ...(splits > 1 ? [sumPartsDispatch(`${label}.sum`, squares * s.ci * s.co, splits, m, sum)] : []),
        channelTransform(`${label}.result`, s.ci, s.co, [sum, output(0)], winogradFilterGrad(threads, tile)),
      ],
    };
  });
