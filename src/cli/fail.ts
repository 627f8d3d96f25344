/** How a command ends badly: one line for what the user can mend, exit code 2; the stack only with --debug. */
import { SafetensorsError } from "../data/safetensors.ts";
import { DataError, oneLine } from "../data/sample.ts";
import { DeviceLostError, OutOfMemoryError } from "../gpu/gpu.ts";
import { PlanError } from "../graph/compile.ts";
import { AdapterError } from "../node/dawn.ts";
import { InputError, reason } from "../node/files.ts";
import { CheckpointError } from "../train/checkpoint.ts";
import { ConfigError } from "../models/config-error.ts";
import { CaseError } from "../models/parity-case.ts";
import { DivergedError } from "../train/step.ts";

/** Errors whose message says all that the user needs. */
const expected = [
  AdapterError,
  CaseError,
  CheckpointError,
  ConfigError,
  DataError,
  DeviceLostError,
  DivergedError,
  InputError,
  OutOfMemoryError,
  PlanError,
  SafetensorsError,
];

/** Prints the error. @returns the exit code: 2 where the user can mend it, else 1 */
export function fail(error: unknown, debug: boolean): number {
  const limit = isOpenFileLimit(error) ? reason(error) : undefined;
  const known = limit !== undefined || expected.some((type) => error instanceof type);
  if (debug || !(error instanceof Error)) console.error(error);
  else console.error(known ? `Error: ${oneLine(limit ?? error.message)}` : `Unexpected error: ${error.message}`);
  if (!known && !debug) console.error("Run the command again with --debug for details.");
  return known ? 2 : 1;
}

/** Met wherever files, modules or processes are opened, so nobody catches it in particular. */
const isOpenFileLimit = (error: unknown): boolean =>
  ["EMFILE", "ENFILE"].includes((error as NodeJS.ErrnoException | undefined)?.code ?? "");
