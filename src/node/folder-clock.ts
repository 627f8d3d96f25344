/** Compares this machine's clock with that of whoever keeps a folder, such as a file server. */
import { rm, stat } from "node:fs/promises";
import { temporaryIn, writeFlushed } from "./files.ts";

/** Less may be the time that writing took. */
const LEAST_SECONDS = 60;

/**
 * @param now this machine's time in milliseconds
 * @returns what to say of clocks that differ, as a sentence; undefined if they agree, or the folder cannot be asked
 */
export async function clockNote(folder: string, now: () => number = Date.now): Promise<string | undefined> {
  const file = temporaryIn(folder);
  try {
    const before = now();
    await writeFlushed(file, "");
    const { mtimeMs } = await stat(file);
    const seconds = Math.round((mtimeMs - (before + now()) / 2) / 1000);
    if (Math.abs(seconds) < LEAST_SECONDS) return undefined;
    const by = `${Math.abs(seconds)} seconds ${seconds > 0 ? "behind" : "ahead of"}`;
    return `This machine's clock is ${by} that of ${folder}: times shown of other machines' runs differ by that, and nothing else depends on it`;
  } catch {
    return undefined;
  } finally {
    await rm(file, { force: true }).catch(() => {});
  }
}
