/** Ctrl-C for commands that save their work before they end. */
import { InputError } from "../node/files.ts";
import { onInterrupt } from "../node/vulkan/interrupt.ts";

/** The first Ctrl-C asks for an orderly end, the second ends at once. */
export function interruptible() {
  const controller = new AbortController();
  const dispose = onInterrupt((signal) => {
    console.error(`\n${signal}: finishing the step and saving; once more to stop at once.`);
    controller.abort(new InputError("interrupted"));
  });
  return { signal: controller.signal, dispose };
}
