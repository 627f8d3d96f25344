/** Convolution: shapes, cost, and the variants of its three passes. Activations NHWC, weights HWIO. */
import { multiplyAdds, type Conv2dShape } from "../../shaders/lib/conv.ts";
import { epilogueOperands, noEpilogue, type Epilogue } from "../../shaders/lib/epilogue.ts";
import { fastestFirst, modulesFor, variantsFor } from "./conv2d-order.ts";
import { winogradCovers, type Pass } from "./conv2d-pass.ts";
import { tiledForward, tiledInputGrad, tiledWeightGrad } from "./conv2d-tiled.ts";
import {
  f32,
  isList,
  nhwc,
  requireKnown,
  requireShape,
  requireWhole,
  showShape,
  type Assembly,
  type Kernel,
  type Lowering,
  type LoweringContext,
  type Parts,
  type Slice,
  type Spec,
} from "./kernel.ts";
import { ofImages, readShape, splitSpecs } from "./sources.ts";

/** Names and defaults as in PyTorch's Conv2d; a number stands for both directions. */
export interface Conv2dOptions {
  stride?: number | readonly [number, number];
  padding?: number | readonly [number, number];
  dilation?: number | readonly [number, number];
  groups?: number;
}

const pair = (value: number | readonly [number, number] | undefined, otherwise: number): [number, number] =>
  (isList(value) ? [...(value as [number, number])] : [value ?? otherwise, value ?? otherwise]) as [number, number];

/** The options in full. @throws ShapeError for invalid ones, such as a stride of 0 */
export function requireConv2dOptions(op: string, options: Conv2dOptions) {
  requireKnown(op, options, ["stride", "padding", "dilation", "groups"]);
  const all = {
    stride: pair(options.stride, 1),
    padding: pair(options.padding, 0),
    dilation: pair(options.dilation, 1),
    groups: options.groups ?? 1,
  };
  for (const name of ["stride", "padding", "dilation"] as const) {
    requireShape(
      (all[name] as readonly number[]).length === 2,
      () => `${op}: ${name} must be one number or two, got [${all[name].join(", ")}]`,
    );
    for (const value of all[name]) requireWhole(op, name, value, name === "padding" ? 0 : 1);
  }
  requireWhole(op, "groups", all.groups, 1);
  return all;
}

/**
 * The sizes of a convolution of x [N, H, W, Ci] with weight [KH, KW, Ci / groups, Co].
 * @throws ShapeError when they do not match
 */
export function conv2dShape(x: readonly number[], weight: readonly number[], options: Conv2dOptions = {}): Conv2dShape {
  const [n, h, w, ci] = nhwc("conv2d", x);
  requireShape(weight.length === 4, () => `conv2d: expected a weight [KH, KW, Ci, Co], got ${showShape(weight)}`);
  const [kh, kw, perGroup, co] = weight as [number, number, number, number];
  const { stride, padding, dilation, groups } = requireConv2dOptions("conv2d", options);
  requireShape(
    ci === perGroup * groups && co % groups === 0,
    () => `conv2d: input ${showShape(x)} and weight ${showShape(weight)} do not match with groups ${groups}`,
  );
  const size = (i: 0 | 1, length: number, k: number) =>
    Math.floor((length + 2 * padding[i] - dilation[i] * (k - 1) - 1) / stride[i]) + 1;
  const [oh, ow] = [size(0, h, kh), size(1, w, kw)];
  requireShape(
    oh > 0 && ow > 0,
    () =>
      `conv2d: the kernel of weight ${showShape(weight)} does not fit into input ${showShape(x)} with padding ${padding.join(", ")}`,
  );
  return { n, h, w, ci, oh, ow, co, kh, kw, stride, padding, dilation, groups };
}

const inputSpec = (s: Conv2dShape) => f32(s.n, s.h, s.w, s.ci);
const weightSpec = (s: Conv2dShape) => f32(s.kh, s.kw, s.ci / s.groups, s.co);
const outputSpec = (s: Conv2dShape) => f32(s.n, s.oh, s.ow, s.co);

const noEpilogueBut = (some: Partial<Epilogue>): Epilogue => ({ ...noEpilogue, ...some });

/** Operands and result of a pass whose result goes through an epilogue. */
function pass(name: string, s: Conv2dShape, [from, result]: readonly [Spec, Spec], epilogue: Epilogue) {
  const channels = result.shape.at(-1)!;
  const more = epilogueOperands(epilogue).map((operand) => (operand === "bias" ? f32(channels) : result));
  const inputs = [from, weightSpec(s), ...more];
  return { name, inputs, outputs: [result], updates: [], flops: 2 * multiplyAdds(s) };
}

interface Found {
  direct: Lowering[];
  winograd: Lowering[] | undefined;
  /** The one that covers all, where others might be too large or not cover it. */
  plain: Lowering | undefined;
}

/**
 * The variants in order. Where operands are assembled from parts or split into them, `adapt` lays them out for the variants that
 * need them whole: all but Winograd's.
 */
function inOrder(
  pass: Pass,
  s: Conv2dShape,
  context: LoweringContext,
  { direct, winograd = [], plain }: Found,
  adapt: (variant: Lowering) => Lowering = (variant) => variant,
): Lowering[] {
  return [...fastestFirst(pass, s, context, [...direct.map(adapt), ...winograd]), ...(plain ? [adapt(plain)] : [])];
}

/**
 * How to cut a product with a matrix that exceeds a binding: by its rows, the input channels. The weights of larger kernels have
 * others between two rows.
 * @param further the product without what is added to it, where something is
 */
function byRows(
  s: Conv2dShape,
  of: (part: Conv2dShape) => Kernel,
  further?: (part: Conv2dShape) => Kernel,
): Pick<Parts, "otherwise"> {
  if (s.kh * s.kw * s.groups > 1) return {};
  const rows = (make: (part: Conv2dShape) => Kernel) => (ci: number) => make({ ...s, ci });
  return { otherwise: { units: s.ci, inner: true, of: rows(of), ...(further ? { further: rows(further) } : {}) } };
}

/** y = relu?(conv2d(x, weight) (+ bias [Co]) (+ plus, of y's shape)); x may be assembled from several sources. */
export function conv2dForward(s: Conv2dShape, some: Partial<Epilogue> = {}, from?: Assembly): Kernel {
  const epilogue = noEpilogueBut(some);
  const kernel = pass("conv2d", s, [inputSpec(s), outputSpec(s)], epilogue);
  const linear = !epilogue.plus && !epilogue.relu;
  return {
    ...kernel,
    inputs: from ? [...specsOf(from), ...kernel.inputs.slice(1)] : kernel.inputs,
    ...(from ? { temporaries: temporariesOf(s, from) } : {}),
    traits: {
      ...(linear && !from ? { withEpilogue: (epilogue) => conv2dForward(s, epilogue) } : {}),
      withSources: (other) => (readable(s, other) ? conv2dForward(s, some, other) : undefined),
    },
    parts: {
      units: s.n,
      of: (n) => conv2dForward({ ...s, n }, some, from && ofImages(from, n)),
      // ReLU has to wait for the whole sum.
      ...(from || epilogue.relu ? {} : byRows(s, (part) => conv2dForward(part, some), conv2dForward)),
    },
    needs: (context) => modulesFor("forward", s, context, from !== undefined),
    lower(context) {
      const { seldom, winograd } = variantsFor("forward", s, context, from !== undefined);
      const direct = [
        ...(seldom ? [seldom.depthwiseForward, seldom.stripForward, seldom.subgroupForward] : []),
        tiledForward,
      ].flatMap((variant) => variant(s, epilogue, context));
      const found = {
        direct,
        winograd: winograd?.winogradForward(s, epilogue, context, from?.sources),
        plain: seldom?.plainForward(s, epilogue),
      };
      return inOrder("forward", s, context, found, from && ((variant) => seldom!.assembling(variant, from, context)));
    },
  };
}

/** dx from dy and weight (, plus what is added, of dx's shape); dx may be split into an output for each of `slices`. */
export function conv2dInputGrad(s: Conv2dShape, plus = false, slices?: readonly Slice[]): Kernel {
  const epilogue = noEpilogueBut({ plus });
  const kernel = pass("conv2d.inputGrad", s, [outputSpec(s), inputSpec(s)], epilogue);
  const dx = inputSpec(s).shape;
  return {
    ...kernel,
    ...(slices ? { outputs: splitSpecs(dx, slices), temporaries: [inputSpec(s)] } : {}),
    traits: {
      ...(plus || slices ? {} : { withAddend: () => conv2dInputGrad(s, true) }),
      ...(winogradCovers(s) && !plus ? { splitOutput: (among) => conv2dInputGrad(s, false, among) } : {}),
    },
    parts: {
      units: s.n,
      of: (n) => conv2dInputGrad({ ...s, n }, plus, slices),
      ...(slices ? {} : byRows(s, (part) => conv2dInputGrad(part, plus))),
    },
    needs: (context) => modulesFor("inputGrad", s, context, slices !== undefined),
    lower(context) {
      const { seldom, winograd } = variantsFor("inputGrad", s, context, slices !== undefined);
      const direct = [
        ...(seldom ? [seldom.depthwiseInputGrad, seldom.stripInputGrad, seldom.subgroupInputGrad] : []),
        tiledInputGrad,
      ].flatMap((variant) => variant(s, epilogue, context.caps));
      const found = {
        direct,
        winograd: winograd?.winogradInputGrad(s, epilogue, context, slices),
        plain: seldom?.plainInputGrad(s, epilogue),
      };
      const split = slices && ((variant: Lowering) => seldom!.splittingOutput(variant, dx, slices, context));
      return inOrder("inputGrad", s, context, found, split);
    },
  };
}

/** dweight from x and dy; x may be assembled from several sources. */
export function conv2dWeightGrad(s: Conv2dShape, from?: Assembly): Kernel {
  return {
    name: "conv2d.weightGrad",
    inputs: [...(from ? specsOf(from) : [inputSpec(s)]), outputSpec(s)],
    ...(from ? { temporaries: temporariesOf(s, from) } : {}),
    outputs: [weightSpec(s)],
    updates: [],
    flops: 2 * multiplyAdds(s),
    traits: { withSources: (some) => (readable(s, some) ? conv2dWeightGrad(s, some) : undefined) },
    parts: {
      units: s.n,
      of: (n) => conv2dWeightGrad({ ...s, n }, from && ofImages(from, n)),
      ...(from ? {} : byRows(s, conv2dWeightGrad)),
    },
    needs: (context) => modulesFor("weightGrad", s, context, from !== undefined),
    lower(context) {
      const { seldom, winograd } = variantsFor("weightGrad", s, context, from !== undefined);
      const direct = [
        ...(seldom ? [seldom.depthwiseWeightGrad, seldom.stripWeightGrad, seldom.subgroupWeightGrad] : []),
        tiledWeightGrad,
      ].flatMap((variant) => variant(s, context.caps));
      const found = {
        direct,
        winograd: winograd?.winogradWeightGrad(s, context.caps, from?.sources),
        plain: seldom?.plainWeightGrad(s),
      };
      return inOrder(
        "weightGrad",
        s,
        context,
        found,
        from && ((variant) => seldom!.assembling(variant, from, context)),
      );
    },
  };
}

/** What is laid out for a variant that cannot read the sources directly. */
const temporariesOf = (s: Conv2dShape, { sources }: Assembly): Spec[] => [
  inputSpec(s),
  ...sources.filter(({ enlarge }) => enlarge).map((source) => f32(...readShape(source))),
];

const specsOf = ({ sources }: Assembly): Spec[] => sources.map(({ shape }) => f32(...shape));

/**
 * Whether some variant reads the sources directly: Winograd's, which takes tiles from one after another. Enlarging happens on the
 * fly, for a padding of 1.
 */
function readable(s: Conv2dShape, { sources }: Assembly): boolean {
  const padded = s.padding.every((p) => p === 1);
  return winogradCovers(s) && sources.every(({ shape, enlarge }) => shape[3]! % 4 === 0 && (padded || !enlarge));
}
