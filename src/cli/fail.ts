/** Reports a failed command: one line and exit code 2 for what the user can fix; the stack only with --debug. */
import { oneLine } from "../data/sample.ts";
import { AdapterError } from "../node/dawn.ts";
import { reason } from "../node/files.ts";
import { isExpected } from "../runs/expected.ts";

/** Prints the error. @returns the exit code: 2 if the user can fix it, else 1 */
export function fail(error: unknown, debug: boolean): number {
  const limit = isOpenFileLimit(error) ? reason(error) : undefined;
  const known = limit !== undefined || error instanceof AdapterError || isExpected(error);
  if (debug || !(error instanceof Error)) console.error(error);
  else console.error(known ? `Error: ${oneLine(limit ?? error.message)}` : `Unexpected error: ${error.message}`);
  if (!known && !debug) console.error("Run the command again with --debug for details.");
  return known ? 2 : 1;
}

/** This can occur wherever files, modules or processes are opened, so it is handled only here. */
const isOpenFileLimit = (error: unknown): boolean =>
  ["EMFILE", "ENFILE"].includes((error as NodeJS.ErrnoException | undefined)?.code ?? "");
