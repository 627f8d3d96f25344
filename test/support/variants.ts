/** Every variant of every kernel that an adapter offers, without a list of them. Runs in a browser as well. */
import type { Choice } from "../../src/graph/choice.ts";
import type { Comparison } from "../../src/train/parity.ts";

/**
 * Calls `check` as often as the kernel with the most variants has some: in round k each kernel takes its variant k, or its
 * last one where it has fewer. What is reported names the variants of the round, where there was a choice.
 */
export async function withEveryVariant(
  check: (choice: Choice, round: number) => Promise<Comparison[]>,
  most = Infinity,
): Promise<Comparison[]> {
  const comparisons: Comparison[] = [];
  let rounds = 1;
  for (let round = 0; round < Math.min(rounds, most); round++) {
    const chosen = new Set<string>();
    const choice: Choice = (kernel, variants) => {
      rounds = Math.max(rounds, variants.length);
      const variant = variants[Math.min(round, variants.length - 1)]!;
      if (variants.length > 1) chosen.add(`${kernel.name} ${variant.variant}`);
      return variant;
    };
    const named = () => (chosen.size > 0 ? ` (${[...chosen].join(", ")})` : "");
    try {
      const found = await check(choice, round);
      comparisons.push(...found.map(({ what, ...rest }) => ({ what: what + named(), ...rest })));
    } catch (error) {
      throw new Error(`${error instanceof Error ? error.message : String(error)}${named()}`, { cause: error });
    }
  }
  return comparisons;
}
