/**
 * One process at a time in a folder that is written to for hours: two would overwrite each other's checkpoints.
 *
 * A lock is written aside, with all that it says, and linked into place, which fails where there is one: nobody ever sees half a
 * lock, and of several processes one succeeds. The lock of a dead process is taken over like this:
 *
 * 1. Every lock has a token that is never used again. Who finds a dead lock links its own one to `LOCK-<token of the dead>` as
 *    well: the claim. Of several, one succeeds.
 * 2. The claimant looks at the lock again. If it is another one by now, the claim came too late: it is given up.
 * 3. Else the claimant's lock is renamed over the dead one, in one step: the folder is never without a lock.
 *
 * Only two ever take a lock away: its owner, who is dead, and the holder of the claim. So between 2 and 3 the lock cannot change,
 * and no living lock is ever replaced, however long a process sleeps between two steps. A claimant that dies leaves its claim,
 * which holds its own token: that is then claimed in the same way, before 2. Claims are taken away after 3 or when they are given
 * up; by then their token is nowhere in place any more, or their claimant is out of the race.
 */
import { existsSync, readFileSync, rmSync } from "node:fs";
import { link, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { randomUUID } from "node:crypto";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { InputError, reason, temporaryIn, writeFlushed } from "./files.ts";
import { keepFolder, makeFolder } from "./kept-folders.ts";
import { isAlive, thisProcess, type ProcessIdentity } from "./process-identity.ts";

/** The file that says who is at work. Leftovers of killed processes are known by their process being gone. */
export const LOCK = ".mganet-lock";

interface Owner extends ProcessIdentity {
  /** Of this one lock. */
  token?: string;
}

/** A lock as it was found. Where the file says nothing, as after a crash of the machine, nobody is the owner. */
interface Found {
  owner: Owner | undefined;
  token: string;
}

/** A folder that this process has. */
interface Held {
  token: string;
  /** Ends the check before each write. */
  release: () => void;
}

/** A lock of this process's before it is in place. */
interface Own {
  token: string;
  text: string;
  /** Its temporary name. */
  aside: string;
}

/** Locks of this process by their file; they go with it. */
const held = new Map<string, Held>();

/** How long a lock may be empty before nobody is assumed to be writing it (`placeWithoutLinks`). */
const WRITTEN_WITHIN_MS = 500;
/** How often an empty lock is read again. */
const POLL_MS = 20;

/**
 * Takes a folder, which is made if there is none, for this process until its end or `unlockFolder`. Until then nothing is written
 * into it by `writeWhole` if it has been moved, deleted or replaced.
 * @throws InputError if another process has it
 */
export async function lockFolder(dir: string): Promise<void> {
  const folder = path.resolve(dir);
  const file = path.join(folder, LOCK);
  const owner: Owner = { ...thisProcess(), token: randomUUID() };
  const own: Own = { token: owner.token!, text: `${JSON.stringify(owner)}\n`, aside: temporaryIn(folder) };
  // Locked again: what became of the folder before no longer matters.
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

/** @returns false if this process has the folder already. @throws InputError if another one has it */
async function take(file: string, own: Own, dir: string): Promise<boolean> {
  for (;;) {
    if (await place(own, file)) return true;
    // The lock, and the claims on it of processes that have died in the middle.
    const chain: string[] = [];
    let found = await lockIn(file);
    const first = found;
    while (found && !isLive(found)) {
      const claim = `${file}-${found.token}`;
      chain.push(claim);
      if (await place(own, claim)) break;
      found = await lockIn(claim);
    }
    if (!first || !found) continue; // It was given back just now.
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

/** Takes away the claims on locks that are no more: none of their tokens is ever in place again. */
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

/** Gives a lock a name that nothing has yet. @returns false if something has it */
async function place(own: Own, name: string): Promise<boolean> {
  for (;;) {
    try {
      await link(own.aside, name);
      return true;
    } catch (error) {
      const { code = "" } = error as NodeJS.ErrnoException;
      // Over a network the answer to a link that was made may get lost, and the link is made again.
      if (code === "EEXIST") return (await lockIn(name))?.token === own.token;
      if (["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"].includes(code)) return placeWithoutLinks(own, name);
      // Who has the folder takes away what others have left there (`removeLeftovers`), and this may look like it.
      if (code !== "ENOENT" || existsSync(own.aside)) throw error;
      await writeFlushed(own.aside, own.text);
    }
  }
}

/** The same where there are no links: made empty, then written. Whoever finds it empty waits for that (`lockIn`). */
async function placeWithoutLinks({ text }: Own, name: string): Promise<boolean> {
  try {
    await writeFile(name, text, { flag: "wx", flush: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
  // If that took too long, it may be another's by now.
  return (await readFile(name, "utf8").catch(() => "")) === text;
}

/** What a lock says; undefined if there is none. */
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

/** The token in a lock file, at once; undefined where there is none. */
function tokenIn(file: string): string | undefined {
  try {
    return parse(readFileSync(file, "utf8"))?.token;
  } catch {
    return undefined;
  }
}

/** A folder that this process was at work in is not where it was. */
export class FolderGoneError extends InputError {
  override name = "FolderGoneError";
}

/**
 * For before something is written into a folder of this process: it may have been moved or deleted, and another one be in its
 * place. The lock goes with the folder.
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
  throw new FolderGoneError(`${dir}: ${why} while it was written to; nothing more is written there`);
}

/** Gives a folder back that this process has. */
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
