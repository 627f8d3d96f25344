/** Ctrl-C for commands that save their work before they end. */
import { InputError } from "../node/files.ts";
import { exitCode, onInterrupt, type Interrupt } from "../node/vulkan/interrupt.ts";

/**
 * The first Ctrl-C requests an orderly end, the second ends at once. `what` describes the work being finished. `code` is the
 * exit code of a command that ended this way: 130, or 129 if its terminal was closed.
 */
export function interruptible(what = "finishing the step and saving") {
  const controller = new AbortController();
  let received: Interrupt | undefined;
  const dispose = onInterrupt((signal) => {
    received = signal;
    // After a hang-up, nobody may be left to read this.
    console.error(`\n${signal}: ${what}${signal === "SIGHUP" ? "" : "; once more to stop at once"}.`);
    controller.abort(new InputError("interrupted"));
  });
  return { signal: controller.signal, code: () => exitCode(received), dispose };
}
