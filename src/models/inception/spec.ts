/** What Inception v3 tells the trainer, the reports and the command line. */
import { ConfigError } from "../config-error.ts";
import { showFactor, widthSetting } from "../setting.ts";
import { caseFactor, classifier } from "../shared/classifier.ts";
import { eights } from "../shared/width.ts";
import { Inception, LEAST_SIDE } from "./network.ts";

const options = { width: widthSetting };

export const inception = classifier<Inception, typeof options>({
  id: "inception_v3",
  title: "Inception v3",
  summary: "branches of several kernel sizes side by side, with an auxiliary head in training",
  options,
  shapedBy: ["width"],
  quick: { width: 1 / 2 },
  paper: { width: 1 },
  // AUC on the phantom: 0.92. At 96×96 the last maps are 1×1: batch norm sees one value per image, and batches of 8 or 16 reach 0.70 to 0.88.
  quickTraining: { epochs: 16, lr: 5e-3, batch: 32 },
  drops: true,
  auxWeight: 0.4,
  points: ["L0", "L1", "L2", "L3", "L4"],
  cam: true,
  build: ({ width }, classes, seed) => new Inception({ width, classes }, seed),
  check(settings) {
    const { size } = settings;
    if (Math.min(...size) < LEAST_SIDE) {
      throw new ConfigError(`inception_v3 needs images of at least ${LEAST_SIDE}×${LEAST_SIDE} pixels`, "size");
    }
    return settings;
  },
  describe: ({ width }) => `width ${showFactor(width)}`,
  landmarks: ({ width }) => ({
    "Conv2d_2b_3x3.conv.weight": [eights(64, width), eights(32, width), 3, 3],
    "AuxLogits.conv1.conv.weight": [eights(768, width), eights(128, width), 5, 5],
  }),
  caseSettings: (metadata) => ({ width: caseFactor(metadata, "width") }),
});
