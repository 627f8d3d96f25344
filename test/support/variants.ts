/** Every variant of every kernel that an adapter offers, without a list of them. Runs in a browser as well. */
import type { Choice } from "../../src/graph/choice.ts";
import type { Comparison } from "../../src/models/parity.ts";

/** Which choices of variants run: all; those that hold a variant which no other case before has run; or the default one. */
export type Rounds = "all" | "new" | "first";

/** The variants that cases before have run, each as "kernel variant". */
export type Seen = Set<string>;

export interface Checked {
  comparisons: Comparison[];
  /** Choices of variants that did not run. */
  leftOut: number;
}

/**
 * Calls `check` as often as the kernel with the most variants has some: in round k each kernel takes its variant k, or its
 * last one where it has fewer. What is reported names the variants of the round, where there was a choice.
 */
export async function withVariants(
  check: (choice: Choice, round: number) => Promise<Comparison[]>,
  which: Rounds = "all",
  seen: Seen = new Set(),
): Promise<Checked> {
  const comparisons: Comparison[] = [];
  let leftOut = 0;
  /** The variants of each round, known from the first on. */
  const offered: Set<string>[] = [];
  for (let round = 0; round < Math.max(1, offered.length); round++) {
    if (round > 0 && (which === "first" || (which === "new" && [...offered[round]!].every((name) => seen.has(name))))) {
      leftOut++;
      continue;
    }
    const chosen = new Set<string>();
    const choice: Choice = (kernel, variants) => {
      const nameOf = (k: number) => `${kernel.name} ${variants[Math.min(k, variants.length - 1)]!.variant}`;
      if (round === 0) for (let k = 0; k < variants.length; k++) (offered[k] ??= new Set()).add(nameOf(k));
      seen.add(nameOf(round));
      if (variants.length > 1) chosen.add(nameOf(round));
      return variants[Math.min(round, variants.length - 1)]!;
    };
    const named = () => (chosen.size > 0 ? ` (${[...chosen].join(", ")})` : "");
    try {
      const found = await check(choice, round);
      comparisons.push(...found.map(({ what, ...rest }) => ({ what: what + named(), ...rest })));
    } catch (error) {
      throw new Error(`${error instanceof Error ? error.message : String(error)}${named()}`, { cause: error });
    }
  }
  return { comparisons, leftOut };
}

/** `withVariants`, all of them. */
export const withEveryVariant = async (
  check: (choice: Choice, round: number) => Promise<Comparison[]>,
): Promise<Comparison[]> => (await withVariants(check)).comparisons;
