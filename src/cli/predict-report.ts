/** Says how fast `predict --data` goes, what limits it, and what came out. */
import type { Decoding } from "../node/data/predicted-images.ts";
import type { LineCounts } from "../runs/prediction-lines.ts";
import { clock } from "./progress.ts";

/** Reasons for leaving images out that are printed; the summary has more. */
const MOST_REASONS = 5;

export const thousands = (n: number): string => n.toLocaleString("en");

/** "20,000 lines: 19,998 predicted, 2 left out", and the most frequent reasons. */
export function showCounts({ lines, predicted, leftOut, reasons }: LineCounts): string[] {
  const shown = reasons
    .slice(0, MOST_REASONS)
    .map(({ reason, images, first }) => `  ${thousands(images)}: ${reason}, the first ${first}`);
  const more = reasons.length > MOST_REASONS ? [`  and ${reasons.length - MOST_REASONS} more reasons`] : [];
  return [
    `${thousands(lines)} pictures: ${thousands(predicted)} predicted, ${thousands(leftOut)} left out`,
    ...shown,
    ...more,
  ];
}

/** Where the time of a prediction goes, from its first batch on: before, threads start and shaders are made. */
export class Pace {
  #begun: number | undefined;
  #waited = 0;
  #computed = 0;
  #images = 0;
  readonly #decoding: Decoding;
  readonly #sharesCores: boolean;

  readonly #now: () => number;

  /**
   * @param sharesCores whether the device computes on the cores that decode
   * @param now milliseconds; for tests
   */
  constructor(decoding: Decoding, sharesCores: boolean, now = () => performance.now()) {
    this.#decoding = decoding;
    this.#sharesCores = sharesCores;
    this.#now = now;
  }

  /** @param waited milliseconds without a batch for the device, `computed` of its work */
  add(waited: number, computed: number): void {
    if (this.#begun !== undefined) this.#waited += waited;
    this.#begun ??= this.#now() - computed;
    this.#computed += computed;
  }

  images(count: number): void {
    this.#images += count;
  }

  /** Images a second. */
  get rate(): number {
    return (1000 * this.#images) / this.#elapsed;
  }

  /** Milliseconds. */
  get #elapsed(): number {
    return Math.max(1, this.#now() - (this.#begun ?? 0));
  }

  /** "61.3 images/s, 24:10 left; device: 96 % at work, 1 % waiting for images". */
  line(left: number): string {
    return `${this.rate.toFixed(1)} images/s, ${clock(left / this.rate)} left; ${this.#shares()}`;
  }

  #shares(): string {
    const { work, wait } = this.shares;
    return `device: ${percent(work)} at work, ${percent(wait)} waiting for images`;
  }

  /** Of the time so far. */
  get shares(): { work: number; wait: number } {
    const all = this.#elapsed;
    return { work: this.#computed / all, wait: this.#waited / all };
  }

  /** What limits it. The threads' work counts time on their clock, which on a busy machine is more than that on a core. */
  summary(): string[] {
    const { files, ms, threads } = this.#decoding;
    return [
      `${thousands(this.#images)} pictures in ${clock(this.#images / this.rate)}: ${this.rate.toFixed(1)} images/s`,
      `${this.#shares()}: ${this.#limit()}; ` +
        `decoding took ${(ms / Math.max(1, files)).toFixed(1)} ms a file in ${threads} ${threads === 1 ? "thread" : "threads"}, ` +
        `the network ${(this.#computed / Math.max(1, this.#images)).toFixed(1)} ms a picture`,
    ];
  }

  #limit(): string {
    const { work, wait } = this.shares;
    if (this.#sharesCores) return "a software adapter computes on the cores that decode, and they limit";
    if (wait > LIMITS) return "decoding limits (more cores, or --workers)";
    return work > 1 - LIMITS ? "the device limits" : "neither limits alone";
  }
}

/** A share of the time that counts as a limit. */
const LIMITS = 0.1;
const percent = (share: number): string => `${(100 * share).toFixed(0)} %`;
