/**
 * Locks a folder of the private file system for one worker: two that write to it for hours would overwrite each other's
 * checkpoints. The lock itself is a Web Lock, which the browser takes back when the worker or its tab ends, however it ends. A file
 * in the folder names it, by which the holder recognises a folder that was deleted and perhaps made again.
 */
import { InputError } from "../runs/store.ts";

/** The file that names the lock. */
export const LOCK = ".mganet-lock";

const PATIENCE_MS = 1000;

interface Held {
  token: string;
  release: () => void;
}

/** This worker's locks by folder. */
const held = new Map<string, Held>();

/** The token of this worker's lock on a folder; undefined if it holds none. */
export const heldToken = (folder: string): string | undefined => held.get(folder)?.token;

/**
 * Takes the lock, until `release` or the worker's end. @returns false if this worker already holds it
 * @throws InputError if another tab or worker holds it
 */
export async function take(folder: string): Promise<boolean> {
  if (held.has(folder)) return false;
  // Absent in insecure pages.
  const { locks } = navigator as { locks?: LockManager };
  if (!locks) throw new InputError(`${folder}: this browser cannot keep other tabs out of a folder: use a newer one`);
  const taken = await new Promise<boolean>((resolve, reject) => {
    // A page that is reloaded may ask before the browser has taken the lock back from its last worker.
    const signal = AbortSignal.timeout(PATIENCE_MS);
    locks
      .request(`mganet:${folder}`, { signal }, () => {
        return new Promise<void>((release) => {
          held.set(folder, { token: crypto.randomUUID(), release });
          resolve(true);
        });
      })
      .catch((error: unknown) => (signal.aborted ? resolve(false) : reject(error as Error)));
  });
  if (taken) return true;
  throw new InputError(`${folder}: another tab or window of this page is at work there; wait for it, or close it`);
}

/** Gives the lock back. */
export function release(folder: string): void {
  const own = held.get(folder);
  held.delete(folder);
  own?.release();
}
