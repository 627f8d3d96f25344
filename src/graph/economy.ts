/**
 * Variants that are not worth compiling. A software adapter takes a tenth of a second and more for each shader, so what a variant saves, over all
 * kernels of a graph that would take it, is held against the shaders that it brings.
 */
import type { Lowering } from "../kernels/kernel.ts";

/** Microseconds that a software adapter takes to compile one character of WGSL (lavapipe: 35 to 80). */
const COMPILING = 50;
/** Runs of a plan within which that is to be made up for. */
const RUNS = 400;

/** A kernel's name, and its variants, the preferred one first. */
export interface Candidates {
  readonly kernel: string;
  readonly variants: readonly Lowering[];
}

/**
 * A variant of each, of which names are struck out, all of a kernel's variants of one name or all of the very same shaders, as long as that
 * makes the whole cheaper. Where estimates are missing (Lowering.estimate), the first is taken.
 */
export function worthCompiling(all: readonly Candidates[]): Lowering[] {
  const options = all.map(({ kernel, variants }) => variants.map((v) => ({ lowering: v, names: namesOf(kernel, v) })));
  const open = options.filter((variants) => variants.slice(0, -1).every((v) => v.lowering.estimate !== undefined));
  const struck = new Set<string>();
  let least = costOf(open, struck);
  for (;;) {
    const names = new Set(open.map((variants) => firstOf(variants, struck)).flatMap((v) => v.names));
    let best: string | undefined;
    for (const name of names) {
      const cost = costOf(open, struck, name);
      if (cost < least) [best, least] = [name, cost];
    }
    if (best === undefined) return options.map((variants) => firstOf(variants, struck).lowering);
    struck.add(best);
  }
}

interface Option {
  readonly lowering: Lowering;
  /** Under which it may be struck out. */
  readonly names: readonly string[];
}

function namesOf(kernel: string, { variant, dispatches }: Lowering): string[] {
  const name = `${kernel}/${variant}`;
  return [name, [name, ...dispatches.map(({ code }) => code)].join("\n")];
}

const firstOf = (variants: readonly Option[], struck: ReadonlySet<string>, name?: string): Option =>
  variants.find((v) => v.names.every((n) => !struck.has(n) && n !== name)) ?? variants.at(-1)!;

/** Microseconds of `RUNS` runs and of compiling once. The last variant, which is the plain one, is never worth it. */
function costOf(open: readonly (readonly Option[])[], struck: ReadonlySet<string>, name?: string): number {
  const codes = new Set<string>();
  let running = 0;
  for (const variants of open) {
    const { lowering } = firstOf(variants, struck, name);
    running += lowering.estimate ?? (variants.length > 1 ? Infinity : 0);
    for (const { code } of lowering.dispatches) codes.add(code);
  }
  let compiling = 0;
  for (const code of codes) compiling += COMPILING * code.length;
  return RUNS * running + compiling;
}
