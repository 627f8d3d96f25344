/** The networks whose quick step and inference are timed beside those of other libraries, one line each. */
import type { MGANetOptions } from "../src/models/mganet/network.ts";
import { mganet } from "../src/models/mganet/spec.ts";
import { Model, type Phase } from "../src/models/model.ts";
import { ResNeXt } from "../src/models/resnext/network.ts";
import { resnext } from "../src/models/resnext/spec.ts";
import type { ModelSpec } from "../src/models/spec.ts";
import { vgg16bn } from "../src/models/vgg/spec.ts";
import { vit } from "../src/models/vit/spec.ts";
import { PHANTOM, presetFor } from "../src/train/config.ts";

/** ResNeXt-50 whose 3x3 convolutions are in one group, for libraries that have no groups. */
const ungrouped = {
  ...resnext,
  build: ({ width }, classes, seed) => new ResNeXt({ width, grouped: false, classes }, seed),
} satisfies typeof resnext;

export const networks = {
  mganet,
  vgg16_bn: vgg16bn,
  resnext50_32x4d: resnext,
  "resnext50-ungrouped": ungrouped,
  vit_b_16: vit,
} as const satisfies Readonly<Record<string, ModelSpec>>;

/** As peers and results call them. */
export type NetworkName = keyof typeof networks;

/** What a network is built with; what it does not have is undefined. */
export interface NetworkOptions extends Partial<Omit<MGANetOptions, "width">> {
  readonly width: number;
  readonly depth?: number;
  /** Weight of the segmentation loss. */
  readonly alpha?: number;
}

/** A network at a size. */
export interface Built {
  readonly network: NetworkName;
  readonly options: NetworkOptions;
  /** Height and width of the input. */
  readonly size: readonly [number, number];
}

export const specOf = (name: NetworkName): ModelSpec => networks[name];

/** Those of its quick preset. */
export function quickOptions(name: NetworkName): NetworkOptions {
  const spec = specOf(name);
  const preset: Readonly<Record<string, unknown>> = spec.presets.quick;
  const own = Object.keys(spec.options).filter((option) => spec.shapedBy.includes(option));
  return Object.fromEntries(own.map((option) => [option, preset[option]])) as unknown as NetworkOptions;
}

export function modelOf({ network, options, size }: Built, seed = 0): Model {
  const spec = specOf(network);
  const settings = { ...presetFor("quick", PHANTOM, spec.id), ...options, size };
  return new Model(spec, settings, { classes: 2, seed });
}

/** What a step trains: the last phase, without dropout, since no two libraries drop the same values. */
export function timedPhase({ phases }: Model): Phase {
  const phase = phases.at(-1)!;
  return { ...phase, inputs: phase.inputs.filter((name) => name !== "step") };
}
