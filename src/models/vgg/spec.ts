/** What VGG-16, with and without batch norm, tells the trainer, the reports and the command line. */
import { showFactor, widthSetting } from "../setting.ts";
import { caseFactor, classifier } from "../shared/classifier.ts";
import { eights } from "../shared/width.ts";
import { VGG } from "./network.ts";

const options = { width: widthSetting };

const spec = (id: string, batchNorm: boolean) =>
  classifier<VGG, typeof options>({
    id,
    title: batchNorm ? "VGG-16-BN" : "VGG-16",
    summary: `thirteen convolutions and three linear layers, ${batchNorm ? "with" : "without"} batch norm`,
    options,
    shapedBy: ["width"],
    quick: { width: 3 / 16 },
    paper: { width: 1 },
    // AUC on the phantom with batch norm: 1.00; at 1e-3 (8 epochs) 0.58.
    quickTraining: { epochs: 10, lr: 3e-4 },
    drops: true,
    points: ["L0", "L1", "L2", "L3", "L4"],
    cam: false,
    build: ({ width }, classes, seed) => new VGG({ width, batchNorm, classes }, seed),
    describe: ({ width }) => `width ${showFactor(width)}`,
    landmarks({ width }) {
      const [last, hidden] = [eights(512, width), eights(4096, width)];
      return { "classifier.0.weight": [hidden, 49 * last], "classifier.3.weight": [hidden, hidden] };
    },
    caseSettings: (metadata) => ({ width: caseFactor(metadata, "width") }),
  });

export const vgg16bn = spec("vgg16_bn", true);
export const vgg16 = spec("vgg16", false);
