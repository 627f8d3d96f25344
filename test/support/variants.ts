/** Runs every kernel variant that an adapter offers, without a list of them. Also runs in a browser. */
import type { Choice } from "../../src/graph/choice.ts";
import type { Comparison } from "../../src/models/parity.ts";

/** Which rounds of variants run: all; those with a variant that no earlier case ran; or only the default one. */
export type Rounds = "all" | "new" | "first";

/** The variants that earlier cases ran, each as "kernel variant". */
export type Seen = Set<string>;

export interface Checked {
  comparisons: Comparison[];
  /** Number of rounds that did not run. */
  leftOut: number;
}

/**
 * Calls `check` once per variant of the kernel with the most variants: in round k each kernel uses its variant k, or its last
 * one if it has fewer. Errors name the round's variants if there was a choice.
 */
export async function withVariants(
  check: (choice: Choice, round: number) => Promise<Comparison[]>,
  which: Rounds = "all",
  seen: Seen = new Set(),
): Promise<Checked> {
  const comparisons: Comparison[] = [];
  let leftOut = 0;
  /** The variants of each round, known from the first one on. */
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

/** `withVariants` for all rounds. */
export const withEveryVariant = async (
  check: (choice: Choice, round: number) => Promise<Comparison[]>,
): Promise<Comparison[]> => (await withVariants(check)).comparisons;
