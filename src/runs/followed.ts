/** The record of images followed through a training: followed.json in the run's folder. */
import * as z from "zod";
import { FOLLOWED } from "./run.ts";
import { readJson, toJson, type Store } from "./store.ts";

const FORMAT = "mganet-followed-1";

/** More pictures than this nobody compares. */
export const MOST_FOLLOWED = 8;

const number = z.number();
const count = z.number().int().min(0);
const size = z.number().int().min(1).max(4096);
const ring = z.array(z.tuple([number, number])).max(100_000);

const imageSchema = z.strictObject({
  id: z.string().min(1),
  /** Index of its class; null if unknown. */
  label: count.nullable(),
  /** Whether the run trains on it, or holds it out. */
  side: z.enum(["train", "val"]),
  /** What the network sees, as a PNG in base64. */
  width: size,
  height: size,
  png: z.base64(),
  /** The expert's boxes in its pixels, as [x0, y0, x1, y1]. */
  boxes: z.array(z.tuple([number, number, number, number])).max(1000),
});

const epochSchema = z.strictObject({
  stage: z.string(),
  epoch: count,
  step: count,
  /** Per image and class; null while the classifier is not trained. */
  probabilities: z.array(z.array(z.number().min(0).max(1)).nullable()),
  /** Per image the outlines of its mask, in the picture's pixels; null if the network has none, absent if not kept. */
  rings: z.array(z.array(ring).nullable()).exactOptional(),
});

const fileSchema = z.strictObject({
  format: z.literal(FORMAT),
  images: z.array(imageSchema).max(MOST_FOLLOWED),
  epochs: z.array(epochSchema),
});

export type FollowedImage = z.infer<typeof imageSchema>;
export type FollowedEpoch = z.infer<typeof epochSchema>;

export interface Followed {
  images: FollowedImage[];
  epochs: FollowedEpoch[];
}

/** Undefined if the run follows none, or the file is not such a record: it is an extra, which must not stop a run. */
export async function readFollowed(store: Store): Promise<Followed | undefined> {
  if (!(await store.exists(FOLLOWED))) return undefined;
  const parsed = fileSchema.safeParse(await readJson(store, FOLLOWED).catch(() => undefined));
  return parsed.success ? parsed.data : undefined;
}

export const writeFollowed = (store: Store, { images, epochs }: Followed): Promise<void> =>
  store.write(FOLLOWED, toJson({ format: FORMAT, images, epochs: thinned(epochs) }));

/** Epochs whose outlines are kept. */
const KEPT = 16;

/** The epochs; outlines only of every second, fourth, ... where there are many, and of the newest. */
export function thinned(epochs: readonly FollowedEpoch[]): FollowedEpoch[] {
  let stride = 1;
  while (Math.ceil(epochs.length / stride) > KEPT) stride *= 2;
  return epochs.map((epoch, i) => {
    if (i % stride === 0 || i === epochs.length - 1) return epoch;
    const { stage, epoch: number, step, probabilities } = epoch;
    return { stage, epoch: number, step, probabilities };
  });
}
