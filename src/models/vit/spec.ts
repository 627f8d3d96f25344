/** What ViT-B/16 tells the trainer, the reports and the command line. */
import { depthSetting, showFactor, widthSetting } from "../setting.ts";
import { caseFactor, classifier } from "../shared/classifier.ts";
import { headsAt } from "../shared/transformer.ts";
import { ViT } from "./network.ts";

const options = { width: widthSetting, depth: depthSetting };

export const vit = classifier<ViT, typeof options>({
  id: "vit_b_16",
  title: "ViT-B/16",
  summary: "a vision transformer on patches of 16×16 pixels; needs longer than the quick preset",
  options,
  shapedBy: ["width", "depth", "size"],
  quick: { width: 1 / 4, depth: 1 / 2 },
  paper: { width: 1, depth: 1 },
  points: [],
  cam: false,
  attend: (net, image) => net.attend(image),
  build: ({ width, depth, size }, classes, seed) => new ViT({ width, depth, size, classes }, seed),
  describe: ({ width, depth }) => `width ${showFactor(width)}, depth ${showFactor(depth)}`,
  landmarks({ width }) {
    const { channels } = headsAt(12, 64, width);
    return {
      "conv_proj.weight": [channels, 3, 16, 16],
      "encoder.layers.encoder_layer_0.mlp.0.weight": [4 * channels, channels],
    };
  },
  caseSettings: (metadata) => ({ width: caseFactor(metadata, "width"), depth: caseFactor(metadata, "depth") }),
});
