/** MGA-Net's spec for the trainer, the reports and the command line. */
import * as z from "zod";
import { maskTargets } from "../../data/target.ts";
import { ConfigError } from "../config-error.ts";
import { CaseError, caseNumber } from "../parity-case.ts";
import { freezeSetting, learningRateSchema, setting, widthSetting } from "../setting.ts";
import { scaleChannels } from "../shared/resnet.ts";
import type { ModelSpec, Outputs, ParitySpec, PhaseSpec } from "../spec.ts";
import { jointLoss, maskLosses, segmentationLoss } from "./losses.ts";
import { fusions, isMasked, MGANet } from "./network.ts";

/** "0,2,4", "L0,L2" or "every-block". */
function parseScales(text: string): "every-block" | number[] {
  if (text === "every-block") return text;
  return text.split(",").map((part) => {
    const match = /^L?([0-4])$/i.exec(part);
    if (!match) throw new RangeError("It is neither every-block nor a list of scales from 0 to 4.");
    return Number(match[1]);
  });
}

const options = {
  width: widthSetting,
  fusion: setting(z.enum(fusions), "--fusion <kind>", "how the mask enhances the features"),
  at: setting(
    z.union([z.literal("every-block"), z.array(z.number().int().min(0).max(4)).max(5)]),
    "--at <scales>",
    "enhanced scales, such as 0,1,3, or every-block",
    parseScales,
  ),
  jointLr: setting(learningRateSchema(), "--joint-lr <rate>", "Adam's learning rate in the joint stage"),
  maskLoss: setting(z.enum(maskLosses), "--mask-loss <kind>", "loss of the segmentation branch"),
  maskTarget: setting(
    z.enum(maskTargets).default("ellipse"),
    "--mask-target <kind>",
    "what the segmentation branch learns to mark: the ellipses in the boxes, the boxes, or the true outlines",
  ),
  alpha: setting(z.number().min(0).max(100), "--alpha <weight>", "weight of the segmentation loss in the joint stage"),
  freeze: freezeSetting(["segmentation"]),
};
type Settings = z.infer<z.ZodObject<typeof options>>;

const SCALES = [0, 1, 2, 3, 4];

const segmentation: PhaseSpec<MGANet, Settings> = {
  name: "segmentation",
  title: "Segmentation stage",
  epochs: { flags: "--seg-epochs <n>", help: "epochs of the segmentation branch alone" },
  share: 0.3,
  inputs: ["target"],
  // The branch does not depend on the modules after it.
  sharedBy: { fusion: "parallel", at: SCALES },
  trains: (net) => net.segmenter,
  learningRate: ({ lr }) => lr,
  record(net, { image, target }, { maskLoss }) {
    const { logits, mask } = net.segment(image);
    return { loss: segmentationLoss(maskLoss, logits, mask, target!) };
  },
  infer: (net, image) => ({ mask: net.segment(image).mask }),
};

const joint: PhaseSpec<MGANet, Settings> = {
  name: "joint",
  title: "Joint stage",
  epochs: { flags: "--joint-epochs <n>", help: "epochs of both branches" },
  share: 0.7,
  inputs: ["target", "label"],
  best: "f1",
  trains: (net) => net,
  learningRate: ({ jointLr }) => jointLr,
  record(net, { image, target, label }, { maskLoss, alpha }, weight) {
    const { total, cls, seg } = jointLoss(net.forward(image), label!, target!, {
      kind: maskLoss,
      alpha,
      ...(weight ? { weight } : {}),
    });
    return { loss: total, terms: { cls, seg } };
  },
  infer(net, image): Outputs {
    const { logits, mask } = net.forward(image);
    return { logits, mask };
  },
};

const parity: ParitySpec<MGANet, Settings> = {
  matches: ({ model = "mganet" }) => model === "mganet",
  settings(metadata) {
    const fusion = fusions.find((f) => f === metadata["fusion"]);
    if (!fusion) {
      const given = metadata["fusion"] ?? "missing";
      throw new CaseError(`metadata fusion is ${given}, expected one of ${fusions.join(", ")}`);
    }
    const at = metadata["at"] ?? "";
    if (at !== "every-block" && !/^\(([0-4], ?)*[0-4]?,?\)$/.test(at)) {
      throw new CaseError(`metadata at is "${at}", expected every-block or a tuple such as (0, 1, 2)`);
    }
    const scales = [...new Set([...at.matchAll(/\d/g)].map(([digit]) => Number(digit)))];
    return {
      width: caseNumber(metadata, "width", { least: 1 / 64, most: 4 }),
      fusion,
      at: at === "every-block" ? at : scales,
      jointLr: caseNumber(metadata, "lr", { least: 0, most: 1 }),
      maskLoss: "dice",
      maskTarget: "ellipse",
      alpha: caseNumber(metadata, "alpha", { least: 0, most: 100 }),
      freeze: "none",
    };
  },
  steps: { segmentation: "pretrain_steps", joint: "joint_steps" },
  compared: ["logits", "seg_logits"],
  outputs(net, image) {
    const { logits, segLogits, mask } = net.forward(image);
    return { logits, seg_logits: segLogits, mask };
  },
  losses({ logits, seg_logits: segLogits, mask }, { label, target }, { alpha }) {
    const output = { logits: logits!, segLogits: segLogits!, mask: mask! };
    const { total, cls, seg } = jointLoss(output, label!, target!, { alpha });
    return { loss: total, terms: { cls, seg } };
  },
};

const common = { fusion: "parallel", at: SCALES, maskLoss: "dice", maskTarget: "ellipse", freeze: "none" } as const;

export const mganet: ModelSpec<MGANet, Settings> = {
  id: "mganet",
  title: "MGA-Net",
  summary: "a ResNet34 classifier guided by the mask of a U-Net",
  options,
  shapedBy: ["width", "fusion", "at"],
  exchangeable: { options: ["fusion", "at"], modules: ["mga", "se", "cbam"] },
  presets: {
    quick: {
      ...common,
      width: 0.25,
      // The phantom's images are unlimited: many seen a few times teach more than a few seen often.
      epochs: { segmentation: 3, joint: 5 },
      // With so few steps at this rate, half the weight would let the classifier's gradient spoil the masks.
      alpha: 2,
      lr: 1e-3,
      jointLr: 1e-3,
    },
    paper: { ...common, width: 1, epochs: { segmentation: 60, joint: 140 }, alpha: 0.5, lr: 1e-4, jointLr: 1e-4 },
    images: { epochs: { segmentation: 12, joint: 10 } },
  },
  published: true,
  phases: [segmentation, joint],
  explain: {
    points: ["L0", "L1", "L2", "L3", "L4"],
    cam: true,
    takesMask: true,
    record(net, image, mask) {
      const { logits, pooled, scales } = net.classify(image, mask!);
      return { logits, pooled, features: scales };
    },
  },
  parity,
  terms: { cls: "of the classes", seg: "of the masks" },
  build: ({ width, fusion, at }, classes, seed) => new MGANet({ width, fusion, at, classes }, seed),
  check(settings) {
    if (settings.at === "every-block") return settings;
    const at = [...new Set(settings.at)].sort();
    if (settings.fusion !== "none" && at.length === 0) {
      throw new ConfigError("name at least one scale, or choose fusion none", "at");
    }
    return { ...settings, at };
  },
  idle(given, { fusion, alpha, epochs, freeze }) {
    if (given.at !== undefined && fusion === "none") return "--at has no effect with --fusion none";
    const [seg, both] = [epochs["segmentation"]!, epochs["joint"]!];
    if (both === 0 && given.jointLr !== undefined) return "--joint-lr has no effect with --joint-epochs 0";
    if (both === 0 && given.alpha !== undefined) return "--alpha has no effect with --joint-epochs 0";
    if (freeze === "segmentation") {
      if (given.maskLoss !== undefined) return "--mask-loss has no effect with --freeze segmentation";
      // At 0, no image needs an outline.
      if (given.alpha !== undefined && alpha > 0) return "--alpha above 0 has no effect with --freeze segmentation";
    }
    if (seg === 0 && alpha === 0) {
      if (given.maskLoss !== undefined) return "--mask-loss has no effect with --seg-epochs 0 and --alpha 0";
      if (given.maskTarget !== undefined) return "--mask-target has no effect with --seg-epochs 0 and --alpha 0";
    }
    return undefined;
  },
  describe({ width, fusion, at, maskTarget, freeze }) {
    const network = fusion === "none" ? "no modules" : isMasked(fusion) ? `${fusion} fusion` : fusion.toUpperCase();
    const places =
      fusion === "none" || at.length === SCALES.length
        ? ""
        : at === "every-block"
          ? " at every block"
          : ` at L${at.join(", L")}`;
    const target = maskTarget === "ellipse" ? "" : `, ${maskTarget === "box" ? "boxes" : "outlines"} as targets`;
    const frozen = freeze === "none" ? "" : `, ${freeze} frozen`;
    return `${network}${places}, width ${width}${target}${frozen}`;
  },
  outlines: ({ fusion, alpha, epochs, maskTarget, freeze }) => ({
    // A frozen branch has its masks from before; outlines are only compared with them.
    needed: freeze === "segmentation" ? alpha > 0 : isMasked(fusion) || alpha > 0 || epochs["segmentation"]! > 0,
    learned: freeze === "none" && (epochs["segmentation"]! > 0 || (alpha > 0 && epochs["joint"]! > 0)),
    target: maskTarget,
    without: freeze === "none" ? "--fusion none --seg-epochs 0 --alpha 0" : "--alpha 0",
    ...(maskTarget === "outline" ? { onBoxes: "--mask-target ellipse or box" } : {}),
  }),
  maskTerm: ({ maskLoss, alpha }) => ({ maskLoss, alpha }),
  enhances: ({ fusion }) => fusion !== "none",
  landmarks({ width }) {
    const c = scaleChannels(width);
    return {
      "classifier.conv1.weight": [c[0]!, 3, 7, 7],
      "classifier.layer4.2.conv2.weight": [c[4]!, c[4]!, 3, 3],
    };
  },
};
