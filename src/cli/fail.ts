/** Reports a failed command: one line and exit code 2 for what the user can fix; the stack only with --debug. */
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

/** Errors whose message is all that the user needs. */
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

/** Prints the error. @returns the exit code: 2 if the user can fix it, else 1 */
export function fail(error: unknown, debug: boolean): number {
  const limit = isOpenFileLimit(error) ? reason(error) : undefined;
  const known = limit !== undefined || expected.some((type) => error instanceof type);
  if (debug || !(error instanceof Error)) console.error(error);
  else console.error(known ? `Error: ${oneLine(limit ?? error.message)}` : `Unexpected error: ${error.message}`);
  if (!known && !debug) console.error("Run the command again with --debug for details.");
  return known ? 2 : 1;
}

/** This can occur wherever files, modules or processes are opened, so it is handled only here. */
const isOpenFileLimit = (error: unknown): boolean =>
  ["EMFILE", "ENFILE"].includes((error as NodeJS.ErrnoException | undefined)?.code ?? "");
