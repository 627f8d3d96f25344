/** The plain ResNet34's spec for the trainer, the reports and the command line. */
import { widthSetting } from "../setting.ts";
import { caseFactor, classifier } from "../shared/classifier.ts";
import { scaleChannels } from "../shared/resnet.ts";
import { ResNet34 } from "./network.ts";

const options = { width: widthSetting };

export const resnet34 = classifier<ResNet34, typeof options>({
  id: "resnet34",
  title: "ResNet34",
  summary: "the plain classifier, without masks",
  options,
  shapedBy: ["width"],
  quick: { width: 0.25 },
  paper: { width: 1 },
  points: ["L0", "L1", "L2", "L3", "L4"],
  cam: true,
  stepsKey: "joint_steps",
  build: ({ width }, classes, seed) => new ResNet34({ width, classes }, seed),
  describe: ({ width }) => `width ${width}`,
  landmarks({ width }) {
    const c = scaleChannels(width);
    return { "conv1.weight": [c[0]!, 3, 7, 7], "layer4.2.conv2.weight": [c[4]!, c[4]!, 3, 3] };
  },
  caseSettings: (metadata) => ({ width: caseFactor(metadata, "width") }),
});
