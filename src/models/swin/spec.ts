/** What Swin-T tells the trainer, the reports and the command line. */
import { depthSetting, showFactor, widthSetting } from "../setting.ts";
import { caseFactor, classifier } from "../shared/classifier.ts";
import { headsAt } from "../shared/transformer.ts";
import { Swin } from "./network.ts";

const options = { width: widthSetting, depth: depthSetting };

export const swin = classifier<Swin, typeof options>({
  id: "swin_t",
  title: "Swin-T",
  summary: "a transformer whose attention stays within shifted windows; needs longer than the quick preset",
  options,
  shapedBy: ["width", "depth"],
  quick: { width: 1 / 3, depth: 2 / 3 },
  paper: { width: 1, depth: 1 },
  drops: true,
  points: ["L1", "L2", "L3", "L4"],
  cam: true,
  build: ({ width, depth }, classes, seed) => new Swin({ width, depth, classes }, seed),
  describe: ({ width, depth }) => `width ${showFactor(width)}, depth ${showFactor(depth)}`,
  landmarks({ width }) {
    const { channels } = headsAt(3, 32, width);
    return {
      "features.0.0.weight": [channels, 3, 4, 4],
      "features.7.1.mlp.0.weight": [32 * channels, 8 * channels],
    };
  },
  caseSettings: (metadata) => ({ width: caseFactor(metadata, "width"), depth: caseFactor(metadata, "depth") }),
});
