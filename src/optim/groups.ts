/** What an optimiser is given: what it trains, its options, and groups of parameters with options of their own. */
import { Slab } from "../graph/storage.ts";
import { aKind, isList, kindOf, showShape } from "../kernels/kernel.ts";
import { Module, Parameter } from "../nn/module.ts";
import { runsOf, wholeOf, type Run } from "./slabs.ts";

/** What an optimiser may be made over; slabs are for the project's own trainer, whose phases share whole ones. */
export type Trained = Module | readonly Parameter[] | readonly Slab[];

/** Options of the whole optimiser, beside those of its rule. `G`: what a group may have of its own. */
export interface CommonOptions<G> {
  /**
   * The greatest norm that all gradients together may have: where theirs is larger, each is multiplied by clip / (norm + 1e-6), as
   * `torch.nn.utils.clip_grad_norm_` does. Infinity: none is, but `record` returns the norm. Default: neither.
   */
  readonly clip?: number;
  /**
   * Whether parameters that the loss does not depend on are an error (default), or left as they are, without weight decay too, as
   * PyTorch leaves those whose `grad` is None.
   */
  readonly unusedParameters?: "error" | "skip";
  /** Parameters that are trained otherwise than the rest; each parameter may be in one group. */
  readonly groups?: readonly (G & { readonly parameters: Module | readonly Parameter[] })[];
}

const commonNames = ["clip", "unusedParameters", "groups"];

/** The options that an optimiser's rule has, one value of each for every group. */
export interface Rates {
  /** May be changed between steps. */
  lr: number;
}

/** Parameters that are trained alike. */
export interface Group<O extends Rates> {
  readonly parameters: readonly Parameter[];
  readonly runs: readonly Run[];
  readonly options: O;
  /** Whether the learning rate is the group's own, and not the optimiser's. */
  readonly ownRate: boolean;
}

/** How an optimiser's options are read. */
export interface Reading<O> {
  /** The optimiser's name, for errors. */
  readonly name: string;
  readonly defaults: O;
  /** Names beside those of the defaults. */
  readonly aliases?: readonly string[];
  /** Options as they are given, on top of `usual`; checked. @throws RangeError */
  read(given: object, usual: O): O;
}

/**
 * The groups of an optimiser, the one of all that is in no other first.
 * @throws TypeError, RangeError with the optimiser's name for what cannot be meant
 */
export function groupsOf<O extends Rates>(reading: Reading<O>, trained: Trained, given: CommonOptions<object>) {
  const { name } = reading;
  requireNames(reading, given, commonNames);
  const options = reading.read(given, reading.defaults);
  const slabs = slabsIn(name, trained);
  const all = slabs ? slabs.flatMap(({ variables }) => variables as Parameter[]) : parametersIn(name, "", trained);
  requireDistinct(name, all);
  const groups: unknown = given.groups ?? [];
  if (!isList(groups)) throw new TypeError(`${name}: groups is an array of groups, got ${aKind(groups)}`);
  const owner = new Map<Parameter, string>();
  const own = (groups as readonly object[]).map((group, i): Group<O> => {
    const label = `groups[${i}]`;
    if (slabs) throw new TypeError(`${name}: groups need a net, or an array of its parameters, instead of slabs`);
    if (kindOf(group) !== "Object") throw new TypeError(`${name}: ${label} is ${aKind(group)}, not an object`);
    const misplaced = ["clip", "unusedParameters"].find((option) => option in group);
    if (misplaced) throw new RangeError(`${name}: ${label}: ${misplaced} holds for all groups; put it beside groups`);
    requireNames(reading, group, ["parameters"], label);
    const parameters = parametersIn(name, label, (group as { parameters?: unknown }).parameters);
    for (const parameter of parameters) {
      const other = owner.get(parameter);
      if (other === label) throw new RangeError(`${name}: ${label} has ${parameter.label} twice`);
      if (other)
        throw new RangeError(`${name}: ${parameter.label} is in ${other} and ${label}; it can be in one group`);
      if (!all.includes(parameter)) {
        throw new RangeError(`${name}: ${label} has ${parameter.label}, which is not among what the optimiser trains`);
      }
      owner.set(parameter, label);
    }
    const read = reading.read(group, options);
    const ownRate = (group as Partial<Rates>).lr !== undefined;
    // Read-only: it is the optimiser's that may be changed.
    if (!ownRate) Object.defineProperty(read, "lr", { get: () => options.lr });
    return { parameters, runs: [], options: read, ownRate };
  });
  const rest = all.filter((parameter) => !owner.has(parameter));
  const usual: Group<O> = { parameters: rest, runs: slabs ? slabs.map(wholeOf) : [], options, ownRate: false };
  // Places are given once nothing can be wrong any more.
  const made = [usual, ...own].map((group) => (slabs ? group : { ...group, runs: runsOf(group.parameters) }));
  return { options, groups: made.filter(({ runs }) => runs.length > 0) };
}

function slabsIn(name: string, trained: Trained): readonly Slab[] | undefined {
  if (!isList(trained) || !(trained as readonly unknown[]).some((each) => each instanceof Slab)) return undefined;
  const wrong = (trained as readonly unknown[]).find((each) => !(each instanceof Slab));
  if (wrong === undefined) return trained as readonly Slab[];
  throw new TypeError(`${name}: expected slabs, as slabsOf(net.parameters()) makes them, got ${aKind(wrong)}`);
}

function parametersIn(name: string, label: string, trained: unknown): readonly Parameter[] {
  const where = label ? `${name}: ${label}` : name;
  if (trained instanceof Module) {
    const parameters = trained.parameters();
    if (parameters.length > 0) return parameters.map((parameter) => requireTrainable(where, parameter));
    throw new RangeError(
      `${where}: ${trained.constructor.name} has no parameters to train; are all modules in public properties of modules?`,
    );
  }
  if (!isList(trained)) {
    const what = label ? "parameters is a module or an array of parameters" : "expected a module or its parameters";
    throw new TypeError(`${where}: ${what}, got ${aKind(trained)}`);
  }
  const parameters = trained as readonly unknown[];
  if (parameters.length === 0) {
    throw new RangeError(`${where}: no parameters to train; the array is empty`);
  }
  return parameters.map((parameter) => requireTrainable(where, parameter));
}

function requireTrainable(where: string, parameter: unknown): Parameter {
  if (!(parameter instanceof Parameter)) {
    throw new TypeError(`${where}: expected a module or its parameters, got an array with ${aKind(parameter)}`);
  }
  if (parameter.unfit) throw new TypeError(`${where}: ${parameter.unfit}`);
  if (parameter.trainable) return parameter;
  throw new RangeError(
    `${where}: ${parameter.label} is a buffer, which is not trained; net.parameters() leaves those out`,
  );
}

function requireDistinct(name: string, parameters: readonly Parameter[]): void {
  const seen = new Set<Parameter>();
  for (const parameter of parameters) {
    if (seen.has(parameter))
      throw new RangeError(`${name}: ${parameter.name || showShape(parameter.shape)} is given twice`);
    seen.add(parameter);
  }
}

function requireNames<O>(
  { name, defaults, aliases = [] }: Reading<O>,
  given: object,
  more: string[],
  label = "",
): void {
  const where = label ? `${name}: ${label}` : name;
  if (kindOf(given) !== "Object") throw new TypeError(`${where}: options are an object, got ${aKind(given)}`);
  const known = [...Object.keys(defaults as object), ...aliases, ...more];
  for (const option of Object.keys(given)) {
    if (known.includes(option)) continue;
    throw new RangeError(`${where}: unknown option ${option}; the options are ${known.join(", ")}`);
  }
}
