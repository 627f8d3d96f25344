/** A network together with the settings it was built with. */
import { slabsOf } from "../optim/adam.ts";
import type { Slab } from "../graph/storage.ts";
import type { Tensor } from "../graph/tensor.ts";
import type { Module, Parameter } from "../nn/module.ts";
import type {
  Attended,
  BatchInput,
  BatchTensors,
  Explained,
  Losses,
  ModelSpec,
  Outputs,
  PhaseSpec,
  TrainedWith,
} from "./spec.ts";

/** A phase of a network's training. */
export interface Phase {
  readonly name: string;
  readonly title: string;
  readonly inputs: readonly BatchInput[];
  readonly best: PhaseSpec["best"];
  /** Whether it trains the classifier. */
  readonly classifies: boolean;
  /** The peak of its learning rate. */
  readonly learningRate: number;
  /** What it trains. */
  readonly slabs: readonly Slab[];
  /** What no phase changes, running statistics included; undefined if there is nothing. */
  readonly frozen?: Module | undefined;
  record(batch: BatchTensors, weight?: readonly number[]): Losses;
  infer(image: Tensor): Outputs;
}

/** Whether a phase trains the classifier. */
export const classifies = ({ inputs }: Pick<PhaseSpec, "inputs">): boolean => inputs.includes("label");

export class Model {
  readonly spec: ModelSpec;
  readonly net: Module;
  readonly phases: readonly Phase[];
  readonly #settings: TrainedWith;

  /** @throws RangeError for settings from which no network can be built */
  constructor(spec: ModelSpec, settings: TrainedWith, { classes, seed }: { classes: number; seed: number }) {
    this.spec = spec;
    this.#settings = settings;
    const net = spec.build(settings, classes, seed);
    this.net = net;
    const frozen = spec.phases.find(({ name }) => name === settings.freeze)?.trains(net);
    const slabs = slabsByPhase(spec, net, frozen);
    this.phases = spec.phases.map((phase, i) => ({
      name: phase.name,
      title: phase.title,
      inputs: phase.inputs,
      best: phase.best,
      classifies: classifies(phase),
      learningRate: phase.learningRate(settings),
      slabs: slabs[i]!,
      frozen,
      record: (batch, weight) => phase.record(net, batch, settings, weight),
      infer: (image) => phase.infer(net, image),
    }));
  }

  /** @throws RangeError if there is no such phase */
  phase(name: string): Phase {
    const found = this.phases.find((phase) => phase.name === name);
    if (found) return found;
    throw new RangeError(`${this.spec.id} has no phase ${name}; it has ${this.phases.map((p) => p.name).join(", ")}`);
  }

  /** The phases with epochs. */
  get trained(): readonly Phase[] {
    return this.phases.filter(({ name }) => (this.#settings.epochs[name] ?? 0) > 0);
  }

  explain(image: Tensor, mask: Tensor | undefined): Explained {
    return this.spec.explain.record(this.net, image, mask);
  }

  /** @throws RangeError if it does not show its attention */
  attend(image: Tensor): Attended {
    const attended = this.spec.explain.attend?.(this.net, image);
    if (attended) return attended;
    throw new RangeError(`${this.spec.id} has no attention to show`);
  }
}

/**
 * The slabs that each phase trains. Parameters trained by the same phases are grouped, those of the first phase first, so that
 * every phase trains whole slabs; frozen ones are in none.
 */
function slabsByPhase(spec: ModelSpec, net: Module, frozen: Module | undefined): Slab[][] {
  const kept = new Set(frozen?.parameters());
  const trained = spec.phases.map((phase) =>
    phase
      .trains(net)
      .parameters()
      .filter((p) => !kept.has(p)),
  );
  const phasesOf = new Map<Parameter, number[]>();
  for (const [i, parameters] of trained.entries()) {
    for (const p of parameters) phasesOf.set(p, [...(phasesOf.get(p) ?? []), i]);
  }
  const groups = new Map<string, { phases: number[]; parameters: Parameter[] }>();
  for (const [parameter, phases] of phasesOf) {
    const group = groups.get(phases.join()) ?? { phases, parameters: [] };
    group.parameters.push(parameter);
    groups.set(phases.join(), group);
  }
  const slabs = [...groups.values()].map(({ phases, parameters }) => ({ phases, slabs: slabsOf(parameters) }));
  return trained.map((_, i) => slabs.flatMap((group) => (group.phases.includes(i) ? group.slabs : [])));
}
