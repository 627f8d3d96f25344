/**
 * The names that timm's networks have for their tensors, as torchvision's: of ViT, Swin and VGG; the other families share theirs.
 * Source: timm/models/vision_transformer.py, swin_transformer.py and vgg.py.
 */
import type { StateDict } from "../nn/module.ts";

/** Pattern and replacement; the first that matches counts. */
type Rule = readonly [RegExp, string | ((...groups: string[]) => string)];

const vit: readonly Rule[] = [
  [/^cls_token$/, "class_token"],
  [/^pos_embed$/, "encoder.pos_embedding"],
  [/^patch_embed\.proj\.(.+)$/, "conv_proj.$1"],
  [/^blocks\.(\d+)\.norm([12])\.(.+)$/, "encoder.layers.encoder_layer_$1.ln_$2.$3"],
  [/^blocks\.(\d+)\.attn\.qkv\.(.+)$/, "encoder.layers.encoder_layer_$1.self_attention.in_proj_$2"],
  [/^blocks\.(\d+)\.attn\.proj\.(.+)$/, "encoder.layers.encoder_layer_$1.self_attention.out_proj.$2"],
  [/^blocks\.(\d+)\.mlp\.fc1\.(.+)$/, "encoder.layers.encoder_layer_$1.mlp.0.$2"],
  [/^blocks\.(\d+)\.mlp\.fc2\.(.+)$/, "encoder.layers.encoder_layer_$1.mlp.3.$2"],
  [/^norm\.(.+)$/, "encoder.ln.$1"],
  [/^head\.(.+)$/, "heads.head.$1"],
];

/** @param first the stage whose downsampling stands at its beginning: 1 in newer versions; older ones have it at the end of the one before */
const swin = (first: 0 | 1): readonly Rule[] => [
  [/^patch_embed\.proj\.(.+)$/, "features.0.0.$1"],
  [/^patch_embed\.norm\.(.+)$/, "features.0.2.$1"],
  [/^layers\.(\d+)\.downsample\.(.+)$/, (_, stage, rest) => `features.${2 * (Number(stage) + 1 - first)}.${rest}`],
  [/^layers\.(\d+)\.blocks\.(\d+)\.mlp\.fc1\.(.+)$/, (_, s, b, rest) => `${block(s, b)}.mlp.0.${rest}`],
  [/^layers\.(\d+)\.blocks\.(\d+)\.mlp\.fc2\.(.+)$/, (_, s, b, rest) => `${block(s, b)}.mlp.3.${rest}`],
  [/^layers\.(\d+)\.blocks\.(\d+)\.(.+)$/, (_, s, b, rest) => `${block(s, b)}.${rest}`],
  [/^head\.(?:fc\.)?(.+)$/, "head.$1"],
];

const block = (stage: string, index: string) => `features.${2 * Number(stage) + 1}.${index}`;

/** VGG's linear layers are convolutions there. */
const vgg: readonly Rule[] = [
  [/^pre_logits\.fc1\.(.+)$/, "classifier.0.$1"],
  [/^pre_logits\.fc2\.(.+)$/, "classifier.3.$1"],
  [/^head\.fc\.(.+)$/, "classifier.6.$1"],
];

/** Undefined for names that are not timm's alone. */
function rulesFor(has: (name: string) => boolean): readonly Rule[] | undefined {
  if (has("cls_token") && has("blocks.0.attn.qkv.weight")) return vit;
  if (has("layers.0.blocks.0.attn.relative_position_bias_table"))
    return swin(has("layers.0.downsample.reduction.weight") ? 0 : 1);
  return has("pre_logits.fc1.weight") ? vgg : undefined;
}

/** @returns the tensors by torchvision's names; undefined if they are not by timm's */
export function fromTimm(tensors: StateDict): StateDict | undefined {
  const rules = rulesFor((name) => tensors.has(name));
  if (!rules) return undefined;
  const renamed: StateDict = new Map();
  for (const [name, tensor] of tensors) {
    const rule = rules.find(([pattern]) => pattern.test(name));
    const now = rule ? name.replace(rule[0], rule[1] as string) : name;
    // A convolution that covers all that is left of the image is a linear layer.
    const { shape } = tensor;
    const flat = rules === vgg && shape.length === 4 && /^classifier\./.test(now);
    renamed.set(now, flat ? { ...tensor, shape: [shape[0]!, shape[1]! * shape[2]! * shape[3]!] } : tensor);
  }
  return renamed;
}
