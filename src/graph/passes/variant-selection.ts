/**
 * Chooses variants by run time and compile time together. A software adapter compiles a shader in a tenth of a second or more, so what a variant
 * saves, over all kernels of a graph that would use it, is weighed against the shaders that it adds.
 */
import type { Lowering } from "../../kernels/kernel.ts";

/** Microseconds that a software adapter takes to compile one character of WGSL (lavapipe: 35 to 80). */
const COMPILE_US_PER_CHARACTER = 50;
/** Runs of a plan over which the compile time is spread. */
const AMORTIZED_RUNS = 400;

/** A kernel's name, and its variants, the preferred one first. */
export interface Candidates {
  readonly kernel: string;
  readonly variants: readonly Lowering[];
}

/**
 * Picks a variant for each kernel. Starts from the preferred ones, and excludes variants, by name or by their shaders, as long as
 * that lowers the total cost. Where an estimate (Lowering.estimate) is missing, the first variant is taken.
 */
export function selectVariants(all: readonly Candidates[]): Lowering[] {
  const shaders = new Shaders();
  const options = all.map(({ kernel, variants }) => variants.map((v) => optionOf(kernel, v, shaders)));
  const open = alike(options.filter((variants) => variants.slice(0, -1).every((v) => v.estimate !== undefined)));
  const struck = new Set<string>();
  let least = costOf(open, shaders, struck);
  for (;;) {
    const choices = open.filter(({ variants }) => variants.length > 1);
    const names = new Set(choices.flatMap(({ variants }) => firstOf(variants, struck).names));
    let best: string | undefined;
    for (const name of names) {
      const cost = costOf(open, shaders, struck, name);
      if (cost < least) [best, least] = [name, cost];
    }
    if (best === undefined) break;
    struck.add(best);
  }
  return options.map((variants, i) => all[i]!.variants[variants.indexOf(firstOf(variants, struck))]!);
}

/** Numbers shaders, whose sources are slow to compare. */
class Shaders {
  readonly lengths: number[] = [];
  readonly #numbers = new Map<string, number>();

  number(code: string): number {
    const known = this.#numbers.get(code) ?? this.lengths.push(code.length) - 1;
    this.#numbers.set(code, known);
    return known;
  }
}

/** A variant, reduced to its costs. */
interface Option {
  readonly estimate: number | undefined;
  readonly shaders: readonly number[];
  /** The names under which it may be excluded. */
  readonly names: readonly string[];
}

function optionOf(kernel: string, { variant, dispatches, estimate }: Lowering, all: Shaders): Option {
  const name = `${kernel}/${variant}`;
  const shaders = dispatches.map(({ code }) => all.number(code));
  return { estimate, shaders, names: [name, `${name} ${shaders.join(" ")}`] };
}

/** Kernels with the same variants, and their number. */
interface Alike {
  readonly variants: readonly Option[];
  count: number;
}

function alike(all: readonly (readonly Option[])[]): Alike[] {
  const groups = new Map<string, Alike>();
  for (const variants of all) {
    const key = JSON.stringify(variants);
    const group = groups.get(key) ?? { variants, count: 0 };
    group.count++;
    groups.set(key, group);
  }
  return [...groups.values()];
}

const firstOf = (variants: readonly Option[], struck: ReadonlySet<string>, name?: string): Option =>
  variants.find((v) => v.names.every((n) => !struck.has(n) && n !== name)) ?? variants.at(-1)!;

/** Microseconds of `AMORTIZED_RUNS` runs and of compiling once. The last variant, which is the plain one, is never worth it. */
function costOf(open: readonly Alike[], { lengths }: Shaders, struck: ReadonlySet<string>, name?: string): number {
  const compiled = new Set<number>();
  let running = 0;
  for (const { variants, count } of open) {
    const { estimate, shaders } = firstOf(variants, struck, name);
    running += count * (estimate ?? (variants.length > 1 ? Infinity : 0));
    for (const shader of shaders) compiled.add(shader);
  }
  let characters = 0;
  for (const shader of compiled) characters += lengths[shader]!;
  return AMORTIZED_RUNS * running + COMPILE_US_PER_CHARACTER * characters;
}
