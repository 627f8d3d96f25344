/** Numbers and times as people read them. */
import { duration as clock } from "../parts/duration.ts";

/** "2:05", "1:02:03", and below a minute "4.2 s". */
export function duration(seconds: number): string {
  if (seconds < 60) return `${seconds < 0.995 ? seconds.toPrecision(2) : seconds.toFixed(seconds < 9.95 ? 1 : 0)} s`;
  return clock(seconds);
}

/** Of bytes. */
export const size = (bytes: number): string =>
  bytes < 2 ** 30 ? `${Math.ceil(bytes / 2 ** 20)} MiB` : `${(bytes / 2 ** 30).toFixed(1)} GiB`;

export const percent = (share: number): string => `${(100 * share).toFixed(0)} %`;

export const rate = (perSecond: number): string => perSecond.toFixed(perSecond < 10 ? 1 : 0);
