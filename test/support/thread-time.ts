import { readFileSync } from "node:fs";

/**
 * Milliseconds that the main thread has spent on a processor: unlike those of a clock, they do not pass while others have it. Where the
 * system does not say, those of a clock.
 */
export function threadMilliseconds(): number {
  try {
    // Linux, proc(5): the first number is in nanoseconds.
    return Number(readFileSync(`/proc/self/task/${process.pid}/schedstat`, "utf8").split(" ")[0]) / 1e6;
  } catch {
    return performance.now();
  }
}
