/** Atomic file writes in a browser's private file system, by a dedicated worker. */
import { InputError } from "../runs/store.ts";

/** What TypeScript's list for pages lacks: it exists in dedicated workers only. */
interface SyncAccessHandle {
  write(bytes: Uint8Array, options?: { at?: number }): number;
  truncate(size: number): void;
  flush(): void;
  close(): void;
}

interface WorkerFile extends FileSystemFileHandle {
  createSyncAccessHandle?: () => Promise<SyncAccessHandle>;
  /** Not yet a standard, though all browsers have it. Replaces the file of that name, atomically. */
  move?: (folder: FileSystemDirectoryHandle, name: string) => Promise<void>;
}

const prefix = ".mganet-";
let counter = 0;
/** Tells this worker's temporary files from others'. */
const own = crypto.randomUUID().slice(0, 8);

/** Whether a file is what a killed `writeWhole` left. Browsers that write beside a file themselves name that so. */
export const isLeftover = (name: string): boolean => /^\.mganet-[\w-]+\.tmp$|\.crswap$/.test(name);

/** Whether files have a method in this browser and thread. */
const has = (method: string): boolean =>
  typeof FileSystemFileHandle !== "undefined" && method in FileSystemFileHandle.prototype;

/** @throws InputError if this thread cannot write files, or not safely */
export function requireWriter(file: string): void {
  if (!has("createSyncAccessHandle"))
    throw new InputError(`${file}: only a dedicated worker of this page can write files`);
  if (!has("move") && !has("createWritable")) {
    throw new InputError(`${file}: this browser cannot replace a file safely: use a newer one`);
  }
}

/** Whether the file is complete. Where files cannot be moved, an empty one was being written for the first time. */
export const isWhole = (file: File): boolean => file.size > 0 || has("move");

/**
 * Writes to a temporary name, flushes, then moves that over the old file: whoever reads finds the old file or the new one, also
 * if this worker or the browser is killed. After `requireWriter`.
 *
 * @param check called just before the move; if it throws, the old file stays
 * @throws what the browser throws
 */
export async function writeWhole(
  folder: FileSystemDirectoryHandle,
  name: string,
  bytes: Uint8Array,
  check: () => Promise<void>,
): Promise<void> {
  const temporary = `${prefix}${own}-${counter++}.tmp`;
  try {
    const file: WorkerFile = await folder.getFileHandle(temporary, { create: true });
    await writeFlushed(file, bytes);
    await check();
    await moveOver(file, folder, name, bytes);
  } catch (error) {
    await folder.removeEntry(temporary).catch(() => {});
    throw error;
  }
}

async function writeFlushed(file: WorkerFile, bytes: Uint8Array): Promise<void> {
  const handle = await file.createSyncAccessHandle!();
  try {
    handle.truncate(0);
    for (let at = 0; at < bytes.length;) {
      const written = handle.write(bytes.subarray(at), { at });
      // Browsers may write a part, and none where there is no room.
      if (written === 0) throw new DOMException("no byte was written", "QuotaExceededError");
      at += written;
    }
    handle.flush();
  } finally {
    handle.close();
  }
}

/** Where files cannot be moved, the browser's own stream replaces the file, which by its standard is atomic too. */
async function moveOver(
  file: WorkerFile,
  folder: FileSystemDirectoryHandle,
  name: string,
  bytes: Uint8Array,
): Promise<void> {
  if (file.move) return file.move(folder, name);
  const target = await folder.getFileHandle(name, { create: true });
  const stream = await target.createWritable();
  try {
    await stream.write(bytes as Uint8Array<ArrayBuffer>);
    await stream.close();
  } catch (error) {
    await stream.abort().catch(() => {});
    throw error;
  }
  await folder.removeEntry(file.name);
}
