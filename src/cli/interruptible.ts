/** Ctrl-C for commands that save their work before they end. */
import { InputError } from "../node/files.ts";
import { exitCode, onInterrupt, type Interrupt } from "../node/vulkan/interrupt.ts";

/**
 * The first Ctrl-C asks for an orderly end, the second ends at once. `what` is being finished then. `code` is the exit code of a
 * command that has ended so: 130, or 129 where its terminal was closed.
 */
export function interruptible(what = "finishing the step and saving") {
  const controller = new AbortController();
  let received: Interrupt | undefined;
  const dispose = onInterrupt((signal) => {
    received = signal;
    // After a hang-up there may be nobody to read this.
    console.error(`\n${signal}: ${what}${signal === "SIGHUP" ? "" : "; once more to stop at once"}.`);
    controller.abort(new InputError("interrupted"));
  });
  return { signal: controller.signal, code: () => exitCode(received), dispose };
}
