/** Statistics over several runs of one experiment. */
import { studentQuantile, studentTails } from "./distributions.ts";

/** Mean of a metric over runs, with its spread if available. */
export interface RunMean {
  runs: number;
  mean: number;
  /** Sample standard deviation (n - 1); null for one run. */
  deviation: number | null;
  /** The confidence interval of the mean by Student's t; null for one run, which shows no spread. */
  interval: [number, number] | null;
}

/**
 * Mean and confidence interval over independent runs, like the paper's "mean (95 % CI) of five runs".
 * @throws RangeError without a value
 */
export function overRuns(values: readonly number[], confidence = 0.95): RunMean {
  const runs = values.length;
  if (runs === 0) throw new RangeError("there is no run to average");
  const mean = values.reduce((a, b) => a + b, 0) / runs;
  if (runs === 1) return { runs, mean, deviation: null, interval: null };
  const deviation = Math.sqrt(values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / (runs - 1));
  const half = (studentQuantile((1 + confidence) / 2, runs - 1) * deviation) / Math.sqrt(runs);
  return { runs, mean, deviation, interval: [mean - half, mean + half] };
}

/** The difference of a metric between two experiments with paired runs, for example by seed. */
export interface PairedDifference extends RunMean {
  /** Two-sided p of Student's paired test; null if the differences do not vary, or there is only one pair. */
  p: number | null;
}

/** Mean of `b - a` over pairs of runs. @throws RangeError unless both have the same number, and at least one */
export function pairedOverRuns(a: readonly number[], b: readonly number[], confidence = 0.95): PairedDifference {
  if (a.length !== b.length) throw new RangeError(`${a.length} and ${b.length} runs do not make pairs`);
  const found = overRuns(
    b.map((value, i) => value - a[i]!),
    confidence,
  );
  const { runs, mean, deviation } = found;
  if (!deviation) return { ...found, p: null };
  return { ...found, p: studentTails((mean * Math.sqrt(runs)) / deviation, runs - 1) };
}
