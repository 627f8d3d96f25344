/** Atomic file writes, and bounded reads of regular files. */
import { constants, type Stats } from "node:fs";
import { access, lstat, open, readdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { createHash } from "node:crypto";
import path from "node:path";
import { threadId } from "node:worker_threads";
import { megabytes, MOST_BYTES, tooLong } from "../data/file-sizes.ts";
import { InputError } from "../runs/store.ts";
import { makeFolder, requireKept } from "./kept-folders.ts";
import { packageRoot } from "./packages.mjs";
import { answers, thisPlace } from "./process-identity.ts";

export { InputError, MOST_BYTES, packageRoot };

let counter = 0;

/**
 * Writes to a temporary name in the same folder, flushes, then renames: a crash leaves the old file or the new one. Creates
 * the folder if missing, unless this process holds it and it is gone (kept-folders.ts).
 * @throws InputError with the file and why it cannot be written
 */
export async function writeWhole(file: string, content: string | Uint8Array): Promise<void> {
  await writing(file, async () => {
    await makeFolder(path.dirname(file));
    // Neither a device such as /dev/null nor a link such as /dev/stdout may be replaced by a file.
    if (await isSpecial(file)) await writeFile(file, content);
    else await replace(file, content);
  });
}

/**
 * The same for files that belong together, in folders that exist: the first takes its place when all are on the disk, so that a full one
 * leaves the old files. None of them may be a device.
 * @throws InputError
 */
export async function writeTogether(files: ReadonlyMap<string, string | Uint8Array>): Promise<void> {
  const written = new Map<string, string>();
  try {
    for (const [file, content] of files) {
      await writing(file, async () => {
        const temporary = temporaryIn(path.dirname(file));
        written.set(file, temporary);
        await writeFlushed(temporary, content);
      });
    }
    for (const [file, temporary] of written) {
      await writing(file, async () => {
        await requireKept(path.dirname(file));
        await rename(temporary, file);
      });
    }
  } finally {
    for (const temporary of written.values()) await rm(temporary, { force: true }).catch(() => {});
  }
}

/** The same for a file in a folder that must exist. @throws InputError */
export const writeInFolder = (file: string, content: string | Uint8Array): Promise<void> =>
  writing(file, () => replace(file, content));

async function writing(file: string, write: () => Promise<void>): Promise<void> {
  try {
    await write();
  } catch (error) {
    if (error instanceof InputError) throw error;
    await requireKept(path.dirname(file)); // The folder may have just gone.
    throw new InputError(`${file}: cannot be written: ${reason(error)}`, { cause: error });
  }
}

/** Processes of other machines, or containers, that write to the same folder may have the same pid. */
const here = createHash("sha256").update(thisPlace()).digest("hex").slice(0, 8);

/** An unused name in a folder; `removeLeftovers` recognises it. */
export const temporaryIn = (folder: string): string =>
  path.join(folder, `.mganet-${process.pid}-${threadId}-${here}-${counter++}.tmp`);

/** Writes a file and flushes it to disk. */
export async function writeFlushed(file: string, content: string | Uint8Array): Promise<void> {
  const handle = await open(file, "w");
  try {
    await handle.writeFile(content);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function replace(file: string, content: string | Uint8Array): Promise<void> {
  const temporary = temporaryIn(path.dirname(file));
  try {
    await writeFlushed(temporary, content);
    // The folder may have been replaced since the last check. After this one that does no harm: the temporary file would not be
    // there.
    await requireKept(path.dirname(file));
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** Whether that name exists but is neither a file nor a folder. */
async function isSpecial(name: string): Promise<boolean> {
  const found = await lstat(name).catch(() => undefined);
  return found !== undefined && !found.isFile() && !found.isDirectory();
}

/** Removes temporary files that a killed process's `writeWhole` left in a folder. */
export async function removeLeftovers(folder: string): Promise<void> {
  const names = (await readdir(folder)).filter((name) => /^\.mganet-\d+(?:-[\da-f]+)+\.tmp$/.test(name));
  await Promise.all(names.map((name) => rm(path.join(folder, name), { force: true })));
}

const DAY_MS = 24 * 60 * 60 * 1000;

/** The same in a folder in which other processes may be writing: those of dead processes of this place, or of before yesterday. */
export async function removeDeadLeftovers(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const [, pid, place] = /^\.mganet-(\d+)-\d+-([\da-f]{8})-\d+\.tmp$/.exec(name) ?? [];
    if (pid === undefined) continue;
    const file = path.join(folder, name);
    const { mtimeMs = Infinity } = (await stat(file).catch(() => undefined)) ?? {};
    const isDead = (place === here && !answers(Number(pid))) || Date.now() - mtimeMs > DAY_MS;
    if (isDead) await rm(file, { force: true });
  }
}

/**
 * Checks, before the work, that its result can be written there.
 * @throws InputError if `writeWhole(file)` would certainly fail; creates nothing
 */
export async function requireWritableFile(file: string): Promise<void> {
  if (await isFolder(file)) throw new InputError(`${file}: is a folder, not a file`);
  await requireWritableFolder(path.dirname(file), file);
}

/** The same for files in a folder, which may not exist yet. Messages call it `name`. */
export async function requireWritableFolder(folder: string, name = folder): Promise<void> {
  let existing = path.resolve(folder);
  while ((await isFolder(existing)) === undefined) existing = path.dirname(existing);
  try {
    if (!(await isFolder(existing))) throw Object.assign(new Error(), { code: "ENOTDIR" });
    await access(existing, constants.W_OK | constants.X_OK);
  } catch (error) {
    const where = existing === path.resolve(name) ? "" : `${existing} `;
    throw new InputError(`${name}: ${where}${reason(error)}`, { cause: error });
  }
}

/** Whether it is a folder; undefined if it does not exist. */
async function isFolder(name: string): Promise<boolean | undefined> {
  try {
    return (await stat(name)).isDirectory();
  } catch {
    return undefined;
  }
}

/**
 * The bytes of a regular file, or of one behind a link. Pipes and devices are refused before they are opened: they may never
 * end, or block forever.
 *
 * @throws Error whose `reason` says why it cannot be read
 */
export async function readRegular(file: string, most: number = MOST_BYTES.weights): Promise<Buffer> {
  const check = (found: Stats) => {
    const what = kindOf(found);
    if (what !== undefined) throw unusable(`is ${what}, not a file`);
    if (found.size > most) throw unusable(tooLong(found.size, most));
  };
  check(await stat(file));
  // Nor may it block if it has become a pipe since.
  const handle = await open(file, constants.O_RDONLY | ((constants as Partial<typeof constants>).O_NONBLOCK ?? 0));
  try {
    const found = await handle.stat();
    check(found);
    // A file in /proc has no size; one being written grows.
    const parts: Buffer[] = [];
    for (let length = 0; ;) {
      const part = Buffer.allocUnsafe(length === 0 ? Math.max(found.size, 2 ** 16) : 2 ** 16);
      const { bytesRead } = await handle.read(part, 0, part.length);
      if (bytesRead === 0) return parts.length === 1 ? parts[0]! : Buffer.concat(parts);
      parts.push(part.subarray(0, bytesRead));
      length += bytesRead;
      if (length > most) throw unusable(`is longer than the ${megabytes(most)} that are read`);
    }
  } finally {
    await handle.close();
  }
}

/** The code marks it as an error of the file, like the system's own errors. */
const unusable = (message: string) => Object.assign(new Error(message), { code: "UNUSABLE" });

/** What it is, if not a regular file. */
function kindOf(found: Stats): string | undefined {
  if (found.isFile()) return undefined;
  if (found.isDirectory()) return "a folder";
  if (found.isFIFO()) return "a pipe";
  return found.isSocket() ? "a socket" : "a device";
}

/** @throws InputError with the file and why it cannot be read */
export async function readInput(file: string, most?: number): Promise<Buffer> {
  try {
    return await readRegular(file, most);
  } catch (error) {
    throw new InputError(`${file}: ${reason(error)}`, { cause: error });
  }
}

const reasons: Readonly<Record<string, string>> = {
  EACCES: "permission denied",
  EDQUOT: "the disk quota is exceeded",
  EEXIST: "is a file, not a folder",
  EFBIG: "the file is larger than allowed",
  EISDIR: "is a folder, not a file",
  EMFILE: "too many files are open; raise the limit: ulimit -n 1024",
  ENFILE: "the system has too many files open",
  ENAMETOOLONG: "the name is too long",
  ENOENT: "no such file or folder",
  ENOSPC: "no space left on the disk",
  ENOTDIR: "is not a folder",
  EPERM: "not permitted",
  EROFS: "the file system is read-only",
};

/** Why a file could not be read or written, in plain words. */
export function reason(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return (code && reasons[code]) ?? message;
}
