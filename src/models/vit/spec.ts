/** What ViT-B/16 tells the trainer, the reports and the command line. */
import { depthSetting, widthSetting } from "../setting.ts";
import { caseShape } from "../parity-case.ts";
import { caseFactor, classifier } from "../shared/classifier.ts";
import { headsAt } from "../shared/transformer.ts";
import { ViT } from "./network.ts";

export const vit = classifier({
  id: "vit_b_16",
  title: "ViT-B/16",
  summary: "a vision transformer on patches of 16×16 pixels",
  options: { width: widthSetting, depth: depthSetting },
  shapedBy: ["width", "depth", "size"],
  presets: {
    quick: { width: 1 / 4, depth: 1 / 2, epochs: { training: 8 }, lr: 1e-3 },
    paper: { width: 1, depth: 1, epochs: { training: 200 }, lr: 1e-4 },
    images: { epochs: { training: 22 } },
  },
  explain: undefined as never,
  build: (settings, classes, seed) => new ViT({ ...settings, classes }, seed),
  describe: ({ width, depth }) => `width ${show(width)}, depth ${show(depth)}`,
  landmarks({ width }) {
    const { channels } = headsAt(12, 64, width);
    return {
      "conv_proj.weight": [channels, 3, 16, 16],
      "encoder.layers.encoder_layer_0.mlp.0.weight": [4 * channels, channels],
    };
  },
  caseSettings: (metadata) => ({
    width: caseFactor(metadata, "width"),
    depth: caseFactor(metadata, "depth"),
    size: caseShape(metadata),
  }),
});
