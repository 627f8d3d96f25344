/** What a folder of predictions was begun with: model, images, share and options. Only the same goes on in it, or is merged. */
import * as z from "zod";
import { showShard } from "./shard.ts";

export const PREDICTION_FORMAT = "mganet-prediction-1";

const whole = z.int().min(0);

const schema = z.strictObject({
  format: z.literal(PREDICTION_FORMAT),
  note: z.string(),
  /** Weights and settings: the file may move. `path` is for people. */
  checkpoint: z.strictObject({ digest: z.string(), path: z.string() }),
  /** The list's names, and the bytes of some of its images: the folder may move. */
  images: z.strictObject({ digest: z.string(), count: whole, data: z.string() }),
  shard: z.strictObject({ index: whole, of: whole }).nullable(),
  options: z.strictObject({ half: z.boolean(), batch: whole }),
  classes: z.array(z.string()),
  positive: z.string(),
  /** Whether the classifier is trained, and whether outlines are learned. */
  learned: z.strictObject({ classes: z.boolean(), outlines: z.boolean() }),
  /** The adapters that have taken part: results of different ones may differ in the last digits. */
  adapters: z.array(z.string()),
});

export type PredictionJob = z.infer<typeof schema>;

/** Undefined for a text that is anything else. */
function parsed<T>(kind: z.ZodType<T>, text: string): T | undefined {
  try {
    return kind.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

/** Undefined for anything else. */
export const parseJob = (text: string): PredictionJob | undefined => parsed(schema, text);

const summarySchema = z.looseObject({
  ...schema.shape,
  lines: whole,
  /** Of predictions.jsonl; summaries of earlier versions have none. */
  sha256: z.string().exactOptional(),
});

export type PredictionSummary = z.infer<typeof summarySchema>;

/** Undefined for anything else. */
export const parseSummary = (text: string): PredictionSummary | undefined => parsed(summarySchema, text);

/** How two jobs differ, as "another checkpoint (A, not B)"; undefined if one can go on where the other ended. */
export function differenceOf(was: PredictionJob, is: PredictionJob): string | undefined {
  return (
    contentDifference(was, is) ??
    differing("another share", was, is, ({ shard }) => (shard ? `--shard ${showShard(shard)}` : "no --shard"))
  );
}

/** The same, of what the shards of one set have in common. */
export const contentDifference = (was: PredictionJob, is: PredictionJob): string | undefined =>
  differing(
    "another checkpoint",
    was,
    is,
    ({ checkpoint }) => checkpoint.digest,
    ({ checkpoint }) => checkpoint.path,
  ) ??
  differing(
    "other images",
    was,
    is,
    ({ images }) => images.count,
    ({ images }) => `${images.data}: ${images.count}`,
  ) ??
  differing(
    "other images, by name or content",
    was,
    is,
    ({ images }) => images.digest,
    ({ images }) => images.data,
  ) ??
  differing("other options", was, is, ({ options }) => (options.half ? "--half" : "no --half")) ??
  differing("other options", was, is, ({ options }) => `--batch ${options.batch}`);

function differing(
  what: string,
  was: PredictionJob,
  is: PredictionJob,
  of: (job: PredictionJob) => string | number,
  show: (job: PredictionJob) => string | number = of,
): string | undefined {
  return of(was) === of(is) ? undefined : `${what} (${show(was)}, not ${show(is)})`;
}
