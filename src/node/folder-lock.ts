/**
 * Locks a folder for one process: two that write to it for hours would overwrite each other's checkpoints.
 *
 * A lock is written in full under another name and linked into place, which fails if a lock exists: nobody ever sees a partial
 * lock, and of several processes one succeeds. A dead process's lock is taken over like this:
 *
 * 1. Every lock has a token that is never reused. A process that finds a dead lock also links its own to
 *    `LOCK-<token of the dead>`: the claim. Of several, one succeeds.
 * 2. The claimant reads the lock again. If it has changed, the claim came too late and is given up.
 * 3. Otherwise the claimant's lock is renamed over the dead one, atomically: the folder is never without a lock.
 *
 * Only two parties can remove a lock: its owner, who is dead, and the holder of the claim. So between 2 and 3 the lock cannot
 * change, and no live lock is ever replaced, however long a process sleeps between two steps. A claimant that dies leaves its
 * claim, which holds its own token: that is then claimed in the same way, before 2. Claims are removed after 3 or when given up;
 * by then their token is no longer in place anywhere, or their claimant is out of the race.
 */
import { existsSync, readFileSync, rmSync } from "node:fs";
import { link, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { randomUUID } from "node:crypto";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { FolderGoneError, InputError } from "../runs/store.ts";
import { reason, temporaryIn, writeFlushed } from "./files.ts";
import { keepFolder, makeFolder } from "./kept-folders.ts";
import { isAlive, thisProcess, type ProcessIdentity } from "./process-identity.ts";

/** The file that names the working process. Leftovers of killed processes are recognised by their process being gone. */
export const LOCK = ".mganet-lock";

interface Owner extends ProcessIdentity {
  /** Unique to this lock. */
  token?: string;
}

/** A lock as found. If the file is empty, as after a machine crash, it has no owner. */
interface Found {
  owner: Owner | undefined;
  token: string;
}

/** A folder that this process holds. */
interface Held {
  token: string;
  /** Ends the check before each write. */
  release: () => void;
}

/** This process's lock before it is in place. */
interface Own {
  token: string;
  text: string;
  /** Its temporary name. */
  aside: string;
}

/** This process's locks by file, removed when it ends. */
const held = new Map<string, Held>();

/** How long an empty lock counts as being written (`placeWithoutLinks`). */
const WRITTEN_WITHIN_MS = 500;
/** How often an empty lock is read again. */
const POLL_MS = 20;

/**
 * Locks a folder, created if missing, for this process until it ends or calls `unlockFolder`. Until then `writeWhole` writes
 * nothing into it if it has been moved, deleted or replaced.
 * @throws InputError if another process holds it
 */
export async function lockFolder(dir: string): Promise<void> {
  const folder = path.resolve(dir);
  const file = path.join(folder, LOCK);
  const owner: Owner = { ...thisProcess(), token: randomUUID() };
  const own: Own = { token: owner.token!, text: `${JSON.stringify(owner)}\n`, aside: temporaryIn(folder) };
  // Locked again: what happened to the folder before no longer matters.
  const before = held.get(file);
  before?.release();
  try {
    await makeFolder(folder);
    await writeFlushed(own.aside, own.text);
    if (await take(file, own, dir)) {
      if (held.size === 0) process.once("exit", releaseAll);
      held.set(file, { token: own.token, release: () => {} });
    }
  } catch (error) {
    if (error instanceof InputError) throw error;
    throw new InputError(`${file}: cannot be written: ${reason(error)}`, { cause: error });
  } finally {
    await rm(own.aside, { force: true }).catch(() => {});
  }
  const now = held.get(file);
  if (now) now.release = keepFolder(folder, () => requireHeld(dir));
}

/** @returns false if this process already holds the folder. @throws InputError if another one does */
async function take(file: string, own: Own, dir: string): Promise<boolean> {
  for (;;) {
    if (await place(own, file)) return true;
    // The lock, and claims on it by processes that died midway.
    const chain: string[] = [];
    let found = await lockIn(file);
    const first = found;
    while (found && !isLive(found)) {
      const claim = `${file}-${found.token}`;
      chain.push(claim);
      if (await place(own, claim)) break;
      found = await lockIn(claim);
    }
    if (!first || !found) continue; // It was just released.
    if (isLive(found)) {
      if (isThisProcess(found.owner!)) return false;
      throw found === first ? taken(dir, file, found.owner!) : begun(dir);
    }
    const now = await lockIn(file);
    if (now?.token === first.token) {
      await rename(own.aside, file);
      await clear(file);
      return true;
    }
    await rm(chain.at(-1)!, { force: true });
  }
}

/** Removes claims on locks that no longer exist: none of their tokens will ever be in place again. */
async function clear(file: string): Promise<void> {
  const names = (await readdir(path.dirname(file))).filter((name) => name.startsWith(`${LOCK}-`));
  await Promise.all(names.map((name) => rm(path.join(path.dirname(file), name), { force: true })));
}

function taken(dir: string, file: string, { pid, host }: Owner): InputError {
  const where = host === thisProcess().host ? "" : ` on ${host}`;
  return new InputError(
    `${dir}: process ${pid}${where} is at work there; wait for it, or, if it is gone, remove ${file}`,
  );
}

const begun = (dir: string): InputError => new InputError(`${dir}: another process has just started working there`);

const isThisProcess = ({ pid, host, born }: Owner): boolean => {
  const own = thisProcess();
  return pid === own.pid && host === own.host && born === own.born;
};

const isLive = ({ owner }: Found): boolean => owner !== undefined && isAlive(owner);

/** Links a lock to a name not yet in use. @returns false if the name exists */
async function place(own: Own, name: string): Promise<boolean> {
  for (;;) {
    try {
      await link(own.aside, name);
      return true;
    } catch (error) {
      const { code = "" } = error as NodeJS.ErrnoException;
      // On a network file system the reply to a successful link may get lost, and the link is retried.
      if (code === "EEXIST") return (await lockIn(name))?.token === own.token;
      if (["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"].includes(code)) return placeWithoutLinks(own, name);
      // The folder's holder removes leftovers (`removeLeftovers`), and this file may look like one.
      if (code !== "ENOENT" || existsSync(own.aside)) throw error;
      await writeFlushed(own.aside, own.text);
    }
  }
}

/** The same without hard links: created empty, then written. Whoever finds it empty waits for that (`lockIn`). */
async function placeWithoutLinks({ text }: Own, name: string): Promise<boolean> {
  try {
    await writeFile(name, text, { flag: "wx", flush: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
  // If that took too long, another process may have it by now.
  return (await readFile(name, "utf8").catch(() => "")) === text;
}

/** A lock's content; undefined if there is none. */
async function lockIn(file: string): Promise<Found | undefined> {
  const begun = performance.now();
  for (;;) {
    try {
      const [text, { ino, mtimeMs }] = [await readFile(file, "utf8"), await stat(file)];
      if (text !== "" || performance.now() - begun >= WRITTEN_WITHIN_MS) {
        const owner = parse(text);
        return { owner, token: owner?.token ?? `${ino}-${Math.round(mtimeMs)}` };
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw error;
    }
    await sleep(POLL_MS);
  }
}

function parse(text: string): Owner | undefined {
  try {
    const { pid, host, born, token } = JSON.parse(text) as Partial<Owner>;
    if (!Number.isInteger(pid) || typeof host !== "string") return undefined;
    return {
      pid: pid!,
      host,
      ...(typeof born === "string" ? { born } : {}),
      ...(typeof token === "string" && /^[\w-]+$/.test(token) ? { token } : {}),
    };
  } catch {
    return undefined;
  }
}

/** The token in a lock file, read synchronously; undefined if there is none. */
function tokenIn(file: string): string | undefined {
  try {
    return parse(readFileSync(file, "utf8"))?.token;
  } catch {
    return undefined;
  }
}

/**
 * Checks, before a write into a held folder, that it was not moved, deleted or replaced. The lock moves with the folder.
 * @throws FolderGoneError if it is not the folder that was locked
 */
async function requireHeld(dir: string): Promise<void> {
  const file = path.join(path.resolve(dir), LOCK);
  const own = held.get(file);
  if (!own || tokenIn(file) === own.token) return;
  const found = await lockIn(file).catch(() => undefined);
  const why = found?.owner
    ? `process ${found.owner.pid} has taken the folder`
    : `the folder is gone: moved, deleted or replaced${existsSync(path.dirname(file)) ? `, or its ${LOCK} was removed` : ""}`;
  throw new FolderGoneError(`${dir}: ${why} while it was being written to; nothing more is written there`);
}

/** Releases a folder that this process holds. */
export async function unlockFolder(dir: string): Promise<void> {
  const file = path.join(path.resolve(dir), LOCK);
  const own = held.get(file);
  if (!own) return;
  held.delete(file);
  own.release();
  if (held.size === 0) process.off("exit", releaseAll);
  if (tokenIn(file) === own.token) await rm(file, { force: true });
}

function releaseAll(): void {
  for (const [file, { token }] of held) if (tokenIn(file) === token) rmSync(file, { force: true });
}
