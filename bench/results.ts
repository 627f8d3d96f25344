/** What the benchmark writes. */
import * as z from "zod";

export const groups = ["kernel", "step", "inference", "model"] as const;
export type Group = (typeof groups)[number];

const positive = z.number().gt(0);
const timing = z.strictObject({
  medianMs: positive,
  /** Interquartile range. */
  spreadMs: z.number().min(0),
});

const result = z.strictObject({
  name: z.string().min(1),
  group: z.enum(groups),
  /** Absent: MGA-Net. */
  network: z.string().min(1).optional(),
  /** Images at once; absent where there are none. */
  batch: z.number().int().gt(0).optional(),
  /** Samples of each. */
  rounds: z.number().int().gt(0),
  /**
   * `gflops` counts the convolutions by the direct algorithm; `peakFraction` is its share of the measured peak. Kernels without
   * convolutions have `gbs`, of the bytes that they move at least, and its share of the copy bandwidth.
   */
  ours: timing.extend({
    gflops: z.number().min(0),
    peakFraction: z.number().min(0),
    gbs: positive.optional(),
    copyFraction: positive.optional(),
  }),
  /** Of a model: how long it took until it could take its first step, from an empty shader cache. */
  compileMs: positive.optional(),
  /** Of a model's step, in bytes: what lives within it; parameters, statistics and Adam's state; the most that its process held. */
  memory: z.strictObject({ activations: positive, variables: positive, process: positive }).optional(),
  peers: z.record(z.string(), timing),
  /** By peer: how many times as long as ours it takes, median by median. */
  ratios: z.record(z.string(), positive),
  /** Peers that were left out, and why. */
  leftOut: z.record(z.string(), z.string()).optional(),
});

export const resultsSchema = z.strictObject({
  adapter: z.string().min(1),
  /** Measured multiply-add peak of the adapter, GFLOP/s. */
  peak: positive,
  environment: z.strictObject({
    /** ISO 8601. */
    date: z.iso.datetime(),
    driver: z.string(),
    /** Bytes per nanosecond of a copy, read and written. */
    copyGBs: positive,
    cpu: z.string(),
    cores: z.number().int().gt(0),
    node: z.string(),
    /** Threads of Mesa's software driver, the same for all; null where it is not set. */
    lpNumThreads: z.string().nullable(),
    ours: z.string(),
    /** Versions of the peers. */
    peers: z.record(z.string(), z.string()),
  }),
  results: z.array(result),
});

/** The file that --json writes. */
export type Results = z.infer<typeof resultsSchema>;
/** One line of the comparison. */
export type Result = Results["results"][number];
export type Environment = Results["environment"];
