import { readFileSync } from "node:fs";

/**
 * CPU time of the main thread in milliseconds: unlike wall-clock time, it does not pass while other threads run. If the system
 * does not report it, wall-clock time.
 */
export function threadMilliseconds(): number {
  try {
    // Linux, proc(5): the first number is in nanoseconds.
    return Number(readFileSync(`/proc/self/task/${process.pid}/schedstat`, "utf8").split(" ")[0]) / 1e6;
  } catch {
    return performance.now();
  }
}
