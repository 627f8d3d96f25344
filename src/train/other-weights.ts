/** Finds the part of a network that weights of other programs are of. */
import type { ReadWeights } from "../io/weights.ts";
import { sameShape, showShape } from "../kernels/kernel.ts";
import { torchShape } from "../nn/layout.ts";
import type { Module, StateDict } from "../nn/module.ts";
import { CheckpointError } from "./checkpoint.ts";

export interface Placed {
  /** By the network's names, in PyTorch's layout. */
  readonly state: StateDict;
  /** Of the module that they fit, as in "classifier"; "" for the whole network. */
  readonly module: string;
  /** Names of the file's that were not taken, and of the module's that it lacks. */
  readonly left: readonly string[];
  readonly missing: readonly string[];
  /** Layers for images of one channel, which were made for three. */
  readonly widened: readonly string[];
}

/**
 * Finds the module that the weights are of: the whole network, or the branch of which they fill everything that does not depend on the
 * classes. Among several the one that uses most of the file.
 *
 * @param mayLack names that may be missing or have another shape
 * @param wanted the module that they are of, or that is taken of them, if that is known
 * @throws CheckpointError naming the first tensor that does not fit the nearest module, and both shapes
 */
export function place(
  net: Module,
  weights: ReadWeights,
  file: string,
  mayLack: (name: string) => boolean,
  wanted?: string,
): Placed {
  const shapes = new Map(
    [...net.named()].map(([name, { shape, layout }]) => [name, torchShape(shape, layout)] as const),
  );
  const prefixes = new Set([""]);
  for (const name of shapes.keys()) {
    for (let dot = name.indexOf("."); dot >= 0; dot = name.indexOf(".", dot + 1)) prefixes.add(name.slice(0, dot + 1));
  }
  const tries = [...prefixes]
    .filter((prefix) => wanted === undefined || prefix === `${wanted}.`)
    .flatMap((prefix) => {
      // Of the module alone, or of the whole network with the module in it.
      const givens = wanted === undefined ? [weights.tensors] : [weights.tensors, within(weights.tensors, prefix)];
      return givens.map((tensors) => tryAt(prefix, shapes, tensors, mayLack));
    });
  const least = wanted === undefined ? LEAST_TENSORS : 1;
  const whole = tries.filter(({ fault, state }) => fault === undefined && state.size >= least);
  const [best] = whole.sort((a, b) => b.state.size - a.state.size);
  if (best) return best;
  const [nearest] = tries.sort((a, b) => b.named - a.named);
  const { module, named, fault, misfit } = nearest!;
  if (named >= least) {
    throw new CheckpointError(`${file}: does not fit ${module === "" ? "the network" : module}: ${(fault ?? misfit)!}`);
  }
  const prefix = wanted === undefined ? "" : `${wanted}.`;
  const example = [...shapes.keys()].find((name) => name.startsWith(prefix))!.slice(prefix.length);
  throw new CheckpointError(
    `${file}: none of its weights has a name of ${wanted ?? "the network"}'s, such as ${example}; its first is ${[...weights.tensors.keys()][0]!}`,
  );
}

/** The tensors of a module, by its names. */
const within = (tensors: StateDict, prefix: string): StateDict =>
  new Map(
    [...tensors]
      .filter(([name]) => name.startsWith(prefix))
      .map(([name, tensor]) => [name.slice(prefix.length), tensor]),
  );

/** A module of fewer tensors, as a single layer, is no branch that a file would be of. */
const LEAST_TENSORS = 4;

interface Try extends Placed {
  /** Why it does not fit. */
  readonly fault: string | undefined;
  /** What has another shape although it may. */
  readonly misfit: string | undefined;
  /** How many of the file's names are the module's. */
  readonly named: number;
}

function tryAt(
  prefix: string,
  shapes: ReadonlyMap<string, number[]>,
  tensors: StateDict,
  mayLack: (name: string) => boolean,
): Try {
  const state: StateDict = new Map();
  const [missing, widenedNames]: [string[], string[]] = [[], []];
  let [fault, misfit]: (string | undefined)[] = [];
  let named = 0;
  for (const [name, shape] of shapes) {
    if (!name.startsWith(prefix)) continue;
    const given = tensors.get(name.slice(prefix.length));
    if (given) named++;
    if (given && sameShape(given.shape, shape)) state.set(name, given);
    else if (given && isOneChannelOf(given.shape, shape)) {
      state.set(name, threeChannels(given, shape));
      widenedNames.push(name);
    } else {
      const other = given && `${name} is ${showShape(given.shape)}, the network has ${showShape(shape)}`;
      if (mayLack(name)) {
        missing.push(name);
        misfit ??= other;
      } else fault ??= other ?? `${name} ${showShape(shape)} is missing`;
    }
  }
  const left = [...tensors.keys()].filter((name) => !state.has(prefix + name));
  return { state, module: prefix.slice(0, -1), left, missing, widened: widenedNames, fault, misfit, named };
}

const isOneChannelOf = (given: readonly number[], wanted: readonly number[]): boolean =>
  given.length === 4 &&
  wanted.length === 4 &&
  given[1] === 1 &&
  wanted[1] === 3 &&
  [0, 2, 3].every((i) => given[i] === wanted[i]);

/** The same for a grey image that is given three times: each channel has a third of the weight. */
function threeChannels({ data }: { data: Float32Array }, shape: number[]): { shape: number[]; data: Float32Array } {
  const [filters, , height, width] = shape as [number, number, number, number];
  const size = height * width;
  const wide = new Float32Array(filters * 3 * size);
  for (let i = 0; i < wide.length; i++) wide[i] = data[Math.floor(i / (3 * size)) * size + (i % size)]! / 3;
  return { shape, data: wide };
}
