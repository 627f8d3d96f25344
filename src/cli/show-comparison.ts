/** Prints the comparison of two checkpoints. */
import type { DelongComparison } from "../metrics/delong.ts";
import type { Classified } from "../metrics/predictions.ts";
import { three } from "../report/show.ts";

/** The lines of a comparison; a string says why there is none. */
export function delongLines(file: string, found: DelongComparison | string, images: readonly Classified[]): string[] {
  if (typeof found === "string") return [`Not compared with ${file}: ${found}`];
  const { a, b, difference, interval, z, p } = found;
  const test =
    z === null
      ? "both rank the images in the same order"
      : `z ${z.toFixed(2)}, p ${p! < 0.0001 ? "< 0.0001" : p!.toFixed(4)}`;
  const patients = new Set(images.map((i) => i.patient ?? i.image)).size;
  return [
    `Compared with ${file} on the same ${images.length} images, by DeLong's test:`,
    `  AUC ${three(b.auc)} against ${three(a.auc)}: difference ${three(difference)} (95 % ${three(interval[0])} to ${three(interval[1])}), ${test}`,
    ...(patients < images.length
      ? [`  The test assumes independent images; these are of ${patients} patients: the interval is too narrow.`]
      : []),
  ];
}
