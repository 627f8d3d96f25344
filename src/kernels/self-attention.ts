/** Self-attention over windows or whole images of tokens, and its gradient. */
import { attentionFields, type AttentionForm } from "../../shaders/lib/attention.ts";
import {
  attentionDelta,
  attentionOperandGrads,
  attentionPairGrads,
  attentionScores,
  attentionSoftmax,
  attentionValues,
} from "../../shaders/attention.wgsl.ts";
import { attentionFused, attentionFusedKeyGrad, attentionFusedQueryGrad } from "../../shaders/attention_fused.wgsl.ts";
import {
  attentionSubgroup,
  attentionSubgroupKeyGrad,
  attentionSubgroupQueryGrad,
  type AttentionBlock,
} from "../../shaders/attention_subgroup.wgsl.ts";
import { floatBits } from "../../shaders/lib/params.ts";
import type { ThreadGrid } from "../../shaders/lib/thread.ts";
import type { Capabilities } from "../gpu/capabilities.ts";
import { paddedTo } from "./gather.ts";
import { ceilDiv, grid1d, THREADS } from "./grid.ts";
import {
  f32,
  input,
  output,
  requireShape,
  requireWhole,
  scratch,
  showShape,
  sizeOf,
  type Dispatch,
  type Kernel,
  type Lowering,
  type OperandRef,
} from "./kernel.ts";
import { threadDispatch } from "./per-thread.ts";
import { sumPartsDispatch } from "./reduce.ts";

/** Windows that were shifted: pairs of tokens that were no neighbours in the image do not see each other. */
export interface Shifted {
  /** Height and width of the image. */
  readonly size: readonly [number, number];
  readonly window: number;
  readonly shift: readonly [number, number];
}

export interface SelfAttentionOptions {
  heads: number;
  biased: boolean;
  shifted?: Shifted | undefined;
}

/** Channels of a head that a thread of the fused variants can hold. */
const MOST_FUSED_CHANNELS = 64;

/** @throws ShapeError */
function sizesOf(x: readonly number[], { heads, biased, shifted }: SelfAttentionOptions) {
  const op = "selfAttention";
  requireWhole(op, "heads", heads, 1);
  requireShape(x.length === 3, () => `${op}: expected queries, keys and values [B, T, 3 C], got ${showShape(x)}`);
  const [batch, tokens, channels] = x as readonly [number, number, number];
  requireShape(
    channels % (12 * heads) === 0,
    () =>
      `${op}: ${showShape(x)} does not divide into ${heads} heads of queries, keys and values with channels in fours`,
  );
  const quads = channels / 12;
  const [sy, sx] = shifted?.shift ?? [0, 0];
  const moved = sy > 0 || sx > 0;
  const [h, w] = shifted?.size ?? [1, 1];
  const window = shifted?.window ?? 1;
  const [down, across] = [paddedTo(h, window) / window, paddedTo(w, window) / window];
  requireShape(
    !moved || (tokens === window * window && batch % (down * across) === 0),
    () => `${op}: ${showShape(x)} are no windows of ${window}×${window} pixels of images of ${h}×${w}`,
  );
  const scale = floatBits(1 / Math.sqrt((4 * quads) / heads));
  const values = { batch, heads, tokens, row: 3 * quads, quads, scale, across, down, window, sy, sx };
  const form: AttentionForm = { quads: quads / heads, biased, shifted: moved };
  return {
    ...{ batch, tokens, form, quads },
    /** Samples that stay together where work is cut: an image's windows, where which of them it is counts. */
    perImage: form.shifted ? down * across : 1,
    params: attentionFields.map((field) => values[field]),
    y: [batch, tokens, 4 * quads],
    rows: [batch, heads, tokens],
    pairs: [batch, heads, tokens, tokens],
    bias: [heads, tokens, tokens],
  };
}

type Sizes = ReturnType<typeof sizesOf>;

const fusible = ({ form }: Sizes): boolean => 4 * form.quads <= MOST_FUSED_CHANNELS;

/** Vectors that are handed around at once: more make the loop long, and take seconds to compile. */
const BLOCK_VECTORS = 64;

/** Lanes of a subgroup where a broadcast costs less than a load; undefined elsewhere. */
const subgroupFor = ({ adapterClass, subgroupSize }: Capabilities): number | undefined =>
  adapterClass === "software" ? subgroupSize : undefined;

/** A dispatch of the variant by subgroups. */
function subgroupDispatch(
  label: string,
  { tokens, form, params, rows }: Sizes,
  subgroup: number,
  bindings: readonly OperandRef[],
  code: (form: AttentionBlock) => string,
): Dispatch {
  const block = {
    ...form,
    subgroup,
    block: Math.min(subgroup, Math.max(1, 2 ** Math.floor(Math.log2(BLOCK_VECTORS / form.quads)))),
  };
  const workgroups = grid1d(rows[0]! * rows[1]! * ceilDiv(tokens, subgroup));
  return { label, code: code(block), bindings, params, workgroups };
}

/** A dispatch of the fused variant: a thread per token, workgroups no larger than the tokens need. */
function fusedDispatch(
  label: string,
  { tokens, form, params, rows }: Sizes,
  bindings: readonly OperandRef[],
  code: (form: AttentionForm, threads: number) => string,
): Dispatch {
  const threads = Math.min(THREADS, 8 * ceilDiv(tokens, 8));
  const groups = rows[0]! * rows[1]! * ceilDiv(tokens, threads);
  return { label, code: code(form, threads), bindings, params, workgroups: grid1d(groups) };
}

/** One of the dispatches of the variant that keeps all scores. */
function stepDispatch(
  label: string,
  { form, params }: Sizes,
  items: number,
  bindings: readonly OperandRef[],
  code: (form: AttentionForm, threads: number) => string,
): Dispatch {
  return threadDispatch(label, items, bindings, ({ threads }: ThreadGrid) => code(form, threads), params);
}

/**
 * y [B, T, C], and the logarithms of the sums of the softmax [B, H, T], from queries, keys and values [B, T, 3 C] (and the bias
 * [H, T, T]).
 */
export function selfAttentionKernel(x: readonly number[], options: SelfAttentionOptions): Kernel {
  const size = sizesOf(x, options);
  const { batch, tokens, y, rows, pairs, bias, perImage } = size;
  const label = "selfAttention";
  const biases = options.biased ? [input(1)] : [];
  return {
    name: label,
    inputs: [f32(...x), ...(options.biased ? [f32(...bias)] : [])],
    outputs: [f32(...y), f32(...rows)],
    updates: [],
    flops: 4 * sizeOf(pairs) * 4 * size.form.quads,
    temporaries: [f32(...pairs)],
    parts: {
      units: batch / perImage,
      of: (images) => selfAttentionKernel([images * perImage, ...x.slice(1)], options),
    },
    lower({ caps }): Lowering[] {
      const operands = [input(0), ...biases, output(0), output(1)];
      const subgroup = subgroupFor(caps);
      const of = (variant: string, dispatch: Dispatch): Lowering[] =>
        fusible(size) ? [{ variant, scratch: [], dispatches: [dispatch] }] : [];
      return [
        // Either takes seconds to compile, so that only the better one is offered.
        ...(subgroup
          ? of("subgroup", subgroupDispatch(label, size, subgroup, operands, attentionSubgroup))
          : of("fused", fusedDispatch(label, size, operands, attentionFused))),
        {
          variant: "plain",
          scratch: [4 * sizeOf(pairs)],
          dispatches: [
            stepDispatch(`${label}.scores`, size, sizeOf(pairs), [input(0), ...biases, scratch(0)], attentionScores),
            stepDispatch(`${label}.softmax`, size, sizeOf(rows), [scratch(0), output(1)], attentionSoftmax),
            stepDispatch(
              `${label}.values`,
              size,
              batch * tokens * size.quads,
              [input(0), scratch(0), output(0)],
              attentionValues,
            ),
          ],
        },
      ];
    },
  };
}

/** dx (and the bias's gradient [H, T, T]) from x (, bias), y, dy and the logarithms. */
export function selfAttentionGradKernel(x: readonly number[], options: SelfAttentionOptions): Kernel {
  const size = sizesOf(x, options);
  const { batch, tokens, y, rows, pairs, bias, perImage } = size;
  const { biased } = options;
  const label = "selfAttention.grad";
  const biases = biased ? [input(1)] : [];
  const [ys, dys, logs] = [0, 1, 2].map((i) => input(i + (biased ? 2 : 1))) as [OperandRef, OperandRef, OperandRef];
  const sum = (from: OperandRef): Dispatch[] =>
    biased ? [sumPartsDispatch(`${label}.bias`, sizeOf(bias), batch, from, output(1))] : [];
  const [rowBytes, pairBytes] = [4 * sizeOf(rows), 4 * sizeOf(pairs)];
  return {
    name: label,
    inputs: [f32(...x), ...(biased ? [f32(...bias)] : []), f32(...y), f32(...y), f32(...rows)],
    outputs: [f32(...x), ...(biased ? [f32(...bias)] : [])],
    updates: [],
    flops: 10 * sizeOf(pairs) * 4 * size.form.quads,
    temporaries: [f32(...pairs)],
    parts: {
      units: batch / perImage,
      of: (images) => selfAttentionGradKernel([images * perImage, ...x.slice(1)], options),
    },
    lower({ caps }): Lowering[] {
      const queries = [input(0), ...biases, ys, dys, logs, output(0), scratch(0), ...(biased ? [scratch(1)] : [])];
      const keys = [input(0), ...biases, dys, logs, scratch(0), output(0)];
      const of = (variant: string, ...dispatches: [queries: Dispatch, keys: Dispatch]): Lowering => ({
        variant,
        scratch: biased ? [rowBytes, pairBytes] : [rowBytes],
        dispatches: [...dispatches, ...sum(scratch(1))],
      });
      const names = [`${label}.queries`, `${label}.keys`] as const;
      const subgroup = subgroupFor(caps);
      const better = subgroup
        ? of(
            "subgroup",
            subgroupDispatch(names[0], size, subgroup, queries, attentionSubgroupQueryGrad),
            subgroupDispatch(names[1], size, subgroup, keys, attentionSubgroupKeyGrad),
          )
        : of(
            "fused",
            fusedDispatch(names[0], size, queries, attentionFusedQueryGrad),
            fusedDispatch(names[1], size, keys, attentionFusedKeyGrad),
          );
      const plain: Lowering = {
        variant: "plain",
        scratch: [rowBytes, pairBytes, pairBytes],
        dispatches: [
          stepDispatch(`${label}.delta`, size, sizeOf(rows), [ys, dys, scratch(0)], attentionDelta),
          stepDispatch(
            `${label}.pairs`,
            size,
            sizeOf(pairs),
            [input(0), ...biases, dys, logs, scratch(0), scratch(1), scratch(2)],
            attentionPairGrads,
          ),
          stepDispatch(
            `${label}.operands`,
            size,
            batch * tokens * 3 * size.quads,
            [input(0), dys, scratch(1), scratch(2), output(0)],
            attentionOperandGrads,
          ),
          ...sum(scratch(2)),
        ],
      };
      return [...(fusible(size) ? [better] : []), plain];
    },
  };
}
