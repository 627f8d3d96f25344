/** Follows a few images through a training: after each epoch the outline of their mask, and their probabilities. */
import { assembleBatch } from "../data/batches.ts";
import type { Classes } from "../data/classes.ts";
import { pngText } from "../data/pictures/png-text.ts";
import { patientOf } from "../data/patient.ts";
import type { Prepared } from "../data/sample.ts";
import { outline } from "../explain/outline.ts";
import { classifies } from "../models/model.ts";
import { classesOf } from "../train/classes.ts";
import { outlinesOf, specOf, type TrainConfig } from "../train/config.ts";
import type { Prediction } from "../train/predictor.ts";
import type { EpochRecord } from "../train/training.ts";
import type { EventSink } from "./events.ts";
import {
  MOST_FOLLOWED,
  readFollowed,
  thinned,
  writeFollowed,
  type FollowedEpoch,
  type FollowedImage,
} from "./followed.ts";
import type { Run } from "./run.ts";

/** How many are followed unless someone chooses. */
const DEFAULT = 4;

interface Sides {
  train: readonly Prepared[];
  val: readonly Prepared[];
}

/** Of the held-out images, in their order: as many of each class as make four, at least one, at most one of a patient. */
export function defaultFollowed(val: readonly Prepared[], { names }: Classes): Prepared[] {
  const share = Math.max(1, Math.floor(DEFAULT / names.length));
  const seen = new Set<string>();
  const counts = new Map<number | undefined, number>();
  const take = (most: (p: Prepared) => number) =>
    val.filter((p) => {
      const patient = patientOf(p) ?? p.id;
      const count = counts.get(p.label) ?? 0;
      if (seen.has(patient) || count >= most(p) || seen.size >= MOST_FOLLOWED) return false;
      seen.add(patient);
      counts.set(p.label, count + 1);
      return true;
    });
  const chosen = take(({ label }) => (label === undefined ? 0 : share));
  // Without classes, any.
  return chosen.length > 0 ? chosen : take(() => DEFAULT);
}

export interface FollowTask {
  sides: Sides;
  config: TrainConfig;
  emit: EventSink;
}

export class Follower {
  /** [N, H, W, 3]; undefined if there is nothing to follow. */
  readonly input: Float32Array | undefined;
  readonly #run: Run;
  readonly #config: TrainConfig;
  readonly #images: FollowedImage[];
  readonly #emit: EventSink;
  #epochs: FollowedEpoch[];

  private constructor(
    run: Run,
    chosen: readonly Prepared[],
    epochs: FollowedEpoch[],
    { sides, config, emit }: FollowTask,
  ) {
    const held = new Set(sides.val);
    this.#run = run;
    this.#config = config;
    this.#emit = emit;
    this.#epochs = epochs;
    this.#images = chosen.map((p) => followed(p, held.has(p) ? "val" : "train"));
    this.input = chosen.length > 0 ? assembleBatch(chosen, []).image : undefined;
  }

  /**
   * Chooses the images, those of the run's record if it is resumed, and announces them. What is not there is a remark.
   * @param wanted ids, or "default"
   */
  static async open(run: Run, wanted: readonly string[] | "default", task: FollowTask): Promise<Follower> {
    const { sides, config, emit } = task;
    const kept = await readFollowed(run.store);
    const ids = kept?.images.map(({ id }) => id) ?? wanted;
    const byId = new Map([...sides.train, ...sides.val].map((p) => [p.id, p]));
    const missing = ids === "default" ? [] : ids.filter((id) => !byId.has(id));
    for (const id of missing)
      emit({ type: "remark", text: `${id} is not among this run's images: it is not followed` });
    const chosen =
      ids === "default"
        ? defaultFollowed(sides.val, classesOf(config))
        : ids.slice(0, MOST_FOLLOWED).flatMap((id) => byId.get(id) ?? []);
    // Epochs after the checkpoint from which it goes on are trained again; those of other images mean nothing.
    const last = run.records.at(-1)?.step ?? 0;
    const epochs = missing.length > 0 ? [] : (kept?.epochs.filter(({ step }) => step <= last) ?? []);
    const follower = new Follower(run, chosen, epochs, task);
    // At once: a run that is resumed before its first epoch has ended follows the same.
    if (!kept) await writeFollowed(run.store, { images: follower.#images, epochs });
    emit({ type: "following", images: follower.#images, epochs });
    return follower;
  }

  /** Keeps and announces what the network says after an epoch. */
  async add({ stage, epoch, step }: EpochRecord, predictions: readonly Prediction[]): Promise<void> {
    const spec = specOf(this.#config);
    const isTrained = classifies(spec.phases.find(({ name }) => name === stage)!);
    const { learned } = outlinesOf(this.#config);
    const added: FollowedEpoch = {
      ...{ stage, epoch, step },
      probabilities: predictions.map(({ probabilities }) => (isTrained && probabilities ? [...probabilities] : null)),
      rings: predictions.map(({ mask }, i) => (learned && mask ? ringsOf(mask, this.#images[i]!) : null)),
    };
    this.#epochs = thinned([...this.#epochs, added]);
    await writeFollowed(this.#run.store, { images: this.#images, epochs: this.#epochs });
    this.#emit({ type: "followed", epoch: added });
  }
}

function followed(p: Prepared, side: FollowedImage["side"]): FollowedImage {
  const { id, label = null, width, height, boxes } = p;
  const edges = boxes.map(({ x0, y0, x1, y1 }): [number, number, number, number] => [x0, y0, x1, y1]);
  return { id, label, side, width, height, png: pngText({ width, height }, p.grey), boxes: edges };
}

/** In tenths of a pixel. */
function ringsOf(mask: Float32Array, { width, height }: FollowedImage): [number, number][][] {
  const whole = { x0: 0, y0: 0, x1: width, y1: height };
  const tenths = (v: number) => Math.round(10 * v) / 10;
  return outline(mask, width, height, whole).rings.map((ring) =>
    ring.map(([x, y]): [number, number] => [tenths(x), tenths(y)]),
  );
}
