/** The plain ResNet34's spec for the trainer, the reports and the command line. */
import type { z } from "zod";
import { crossEntropy } from "../../autograd/losses.ts";
import { caseNumber } from "../parity-case.ts";
import { widthSetting } from "../setting.ts";
import { scaleChannels } from "../shared/resnet.ts";
import type { ModelSpec, PhaseSpec } from "../spec.ts";
import { ResNet34 } from "./network.ts";

const options = { width: widthSetting };
type Settings = z.infer<z.ZodObject<typeof options>>;

const training: PhaseSpec<ResNet34, Settings> = {
  name: "training",
  title: "Training",
  epochs: { flags: "--epochs <n>", help: "epochs of the classifier" },
  share: 1,
  inputs: ["label"],
  best: "f1",
  trains: (net) => net,
  learningRate: ({ lr }) => lr,
  record: (net, { image, label }, _, weight) => ({ loss: crossEntropy(net.forward(image).logits, label!, weight) }),
  infer: (net, image) => ({ logits: net.forward(image).logits }),
};

export const resnet34: ModelSpec<ResNet34, Settings> = {
  id: "resnet34",
  title: "ResNet34",
  summary: "the plain classifier, without masks",
  options,
  shapedBy: ["width"],
  presets: {
    quick: { width: 0.25, epochs: { training: 8 }, lr: 1e-3 },
    paper: { width: 1, epochs: { training: 200 }, lr: 1e-4 },
    images: { epochs: { training: 22 } },
  },
  phases: [training],
  explain: {
    points: ["L0", "L1", "L2", "L3", "L4"],
    cam: true,
    takesMask: false,
    record(net, image) {
      const { logits, pooled, scales } = net.forward(image);
      return { logits, pooled, features: scales.map((f) => ({ before: f, after: f })) };
    },
  },
  parity: {
    matches: ({ model }) => model === "resnet34",
    settings: (metadata) => ({ width: caseNumber(metadata, "width", { least: 1 / 64, most: 4 }) }),
    steps: { training: "joint_steps" },
    compared: ["logits"],
    outputs: (net, image) => ({ logits: net.forward(image).logits }),
    losses: ({ logits }, { label }) => ({ loss: crossEntropy(logits!, label!) }),
  },
  terms: {},
  build: ({ width }, classes, seed) => new ResNet34({ width, classes }, seed),
  describe: ({ width }) => `width ${width}`,
  outlines: () => ({ needed: false, learned: false }),
  maskTerm: () => undefined,
  enhances: () => false,
  landmarks({ width }) {
    const c = scaleChannels(width);
    return { "conv1.weight": [c[0]!, 3, 7, 7], "layer4.2.conv2.weight": [c[4]!, c[4]!, 3, 3] };
  },
};
