/** What is wrong with the files of one run, and so is no reason to end work on others. */
import { SafetensorsError } from "../data/safetensors.ts";
import { DataError } from "../data/sample.ts";
import { CheckpointError } from "../train/checkpoint.ts";
import { FolderGoneError, HeldError, InputError } from "./store.ts";

/** A file of a run cannot be read, or is not what it should be. The message names it. */
export class DamagedRunError extends InputError {
  override name = "DamagedRunError";
}

/** What concerns every file that this process opens. */
const ofProcess: readonly unknown[] = ["EMFILE", "ENFILE"];

const isDamage = (error: unknown): error is Error =>
  [SafetensorsError, DataError, CheckpointError].some((type) => error instanceof type) ||
  (error instanceof InputError &&
    !(error instanceof FolderGoneError || error instanceof HeldError) &&
    !ofProcess.includes((error.cause as { code?: unknown } | undefined)?.code));

/**
 * @param read reads files of one run, and writes none: a full disk is no damage
 * @throws DamagedRunError for what it throws of them
 */
export async function readingRun<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    throw isDamage(error) ? new DamagedRunError(error.message, { cause: error }) : error;
  }
}

/** The same; what is wrong, if something is. */
export async function damageIn(read: () => Promise<unknown>): Promise<string | undefined> {
  try {
    await readingRun(read);
    return undefined;
  } catch (error) {
    if (error instanceof DamagedRunError) return error.message;
    throw error;
  }
}
