/** MGA-Net with the types of its own options, which model-independent code does not see. */
import { mganet } from "../../src/models/mganet/spec.ts";
import { MGANet } from "../../src/models/mganet/network.ts";
import { Model, type Phase } from "../../src/models/model.ts";
import { checkConfig, PHANTOM, presetFor, type TrainConfig } from "../../src/train/config.ts";

export type MGANetConfig = TrainConfig & Parameters<typeof mganet.build>[0];

export const stages = ["segmentation", "joint"] as const;
export type Stage = (typeof stages)[number];

/** The quick preset on the phantom with some other settings. */
export const mganetConfig = (changes: Partial<MGANetConfig> = {}): MGANetConfig =>
  checkConfig({ ...presetFor("quick", PHANTOM), ...changes }) as MGANetConfig;

export interface TestModel {
  model: Model;
  net: MGANet;
  phase: (name: Stage) => Phase;
}

/** A network for two classes, initialised from a seed. */
export function mganetModel(config: MGANetConfig, seed = 0): TestModel {
  const model = new Model(mganet, config, { classes: 2, seed });
  const { net } = model;
  if (!(net instanceof MGANet)) throw new TypeError("the spec builds another network");
  return { model, net, phase: (name) => model.phase(name) };
}
