/** A TensorBoard event file in a run folder; each epoch is appended while TensorBoard may be reading it. */
import { appendFile, readdir, rm } from "node:fs/promises";
import path from "node:path";
import { joined } from "../data/bytes.ts";
import { epochEvent, fileVersion } from "../report/tensorboard.ts";
import type { EpochRecord } from "../train/training.ts";
import { InputError, writeWhole } from "./files.ts";

const isEventFile = (name: string): boolean => /^events\.out\.tfevents\.\d+\.mganet$/.test(name);

export class EventFile {
  readonly #file: string;

  private constructor(file: string) {
    this.#file = file;
  }

  /**
   * Begins a file with the epochs so far, replacing the one left by a stopped run.
   * @throws InputError if it cannot be written
   */
  static async begin(dir: string, records: readonly EpochRecord[]): Promise<EventFile> {
    await removeEventFiles(dir);
    const now = Date.now() / 1000;
    // The records have no timestamps: assume that they followed each other without a pause.
    let left = records.reduce((sum, { seconds }) => sum + seconds, 0);
    const events = records.map((record) => epochEvent(record, now - (left -= record.seconds)));
    const file = path.join(dir, `events.out.tfevents.${Math.floor(now)}.mganet`);
    const begun = now - records.reduce((sum, { seconds }) => sum + seconds, 0);
    await writeWhole(file, joined([fileVersion(begun), ...events]));
    return new EventFile(file);
  }

  /** @throws InputError if it cannot be written */
  async add(record: EpochRecord): Promise<void> {
    try {
      await appendFile(this.#file, epochEvent(record, Date.now() / 1000));
    } catch (error) {
      throw new InputError(`${this.#file}: cannot be written: ${(error as Error).message}`, { cause: error });
    }
  }
}

/** Removes the event files of a run folder. */
export async function removeEventFiles(dir: string): Promise<void> {
  const names = (await readdir(dir)).filter(isEventFile);
  await Promise.all(names.map((name) => rm(path.join(dir, name), { force: true })));
}
