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
 *
 * The owner on another machine that only seemed to be dead (lease.ts) finds out before its next write (`requireHeld`).
 */
import { existsSync, rmSync } from "node:fs";
import { readdir, rename, rm } from "node:fs/promises";
import { randomUUID } from "node:crypto";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { FolderGoneError, HeldError, InputError, type Holder, type Release } from "../runs/store.ts";
import { reason, temporaryIn, writeFlushed } from "./files.ts";
import { keepFolder, makeFolder } from "./kept-folders.ts";
import { beat, isSilent, leaseMs, patienceMs } from "./lease.ts";
import { lockIn, place, tokenIn, type Found, type Own, type Owner } from "./lock-file.ts";
import { lifeOf, thisProcess } from "./process-identity.ts";

/** The file that names the working process. Leftovers of killed processes are recognised by their process being gone. */
export const LOCK = ".mganet-lock";

/** A folder that this process holds. */
interface Held {
  token: string;
  /** Ends the check before each write. */
  release: () => void;
  /** Ends its signs of life. */
  silence: () => Promise<void>;
  /** Kept until the claim is given back. */
  claimed: boolean;
}

/** This process's locks by file, removed when it ends. */
const held = new Map<string, Held>();

/**
 * Locks a folder, created if missing, for this process until it ends or calls `unlockFolder`. Until then `writeWhole` writes
 * nothing into it if it has been moved, deleted or replaced.
 * @throws HeldError if another process holds it
 */
export async function lockFolder(dir: string): Promise<void> {
  const folder = path.resolve(dir);
  const file = path.join(folder, LOCK);
  // An impossible lease is refused before the folder is taken.
  const owner: Owner = { ...thisProcess(), token: randomUUID(), leased: true, lease: leaseMs() / 1000 };
  const own: Own = { token: owner.token!, text: `${JSON.stringify(owner)}\n`, aside: temporaryIn(folder) };
  // Locked again: what happened to the folder before no longer matters.
  const before = held.get(file);
  before?.release();
  try {
    await writeAside(folder, own);
    if (await take(file, own, dir)) {
      if (held.size === 0) process.once("exit", releaseAll);
      await before?.silence();
      const { claimed = false } = before ?? {};
      held.set(file, { token: own.token, release: () => {}, silence: await beat(file), claimed });
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

/**
 * The same; but if the holder is on another machine, whose processes nobody here can ask for, waits for the length of a lease whether it
 * gives a sign of life.
 * @param onWait told once, with a line for people, before it waits
 * @param signal ends the waiting
 * @throws HeldError if it lives
 */
export async function awaitFolder(dir: string, onWait: (line: string) => void, signal?: AbortSignal): Promise<void> {
  let first: Found | undefined;
  for (;;) {
    try {
      await lockFolder(dir);
      return;
    } catch (error) {
      const found = error instanceof HeldError ? await lockIn(path.join(path.resolve(dir), LOCK)) : undefined;
      const owner = found?.owner;
      const mayBeGone = owner?.leased === true && lifeOf(owner) === "unknown";
      const isSame = !first || (found?.token === first.token && found.touched === first.touched);
      if (!mayBeGone || !isSame || signal?.aborted) throw error;
      const patience = patienceMs(owner);
      if (!first) {
        const seconds = Math.ceil(patience / 1000);
        onWait(
          `${dir}: process ${owner.pid} on ${owner.host} was at work there; waiting ${seconds} s for a sign of life`,
        );
      }
      first ??= found;
      await sleep(Math.min(1000, patience / 10));
    }
  }
}

/** Who holds a folder, by its lock. */
export async function holderOf(dir: string): Promise<Holder | undefined> {
  const owner = (await lockIn(path.join(path.resolve(dir), LOCK)))?.owner;
  return owner && { host: owner.host, pid: owner.pid, life: lifeOf(owner) };
}

/** Another process may remove the folder, which is empty, between its making and the first file in it. */
async function writeAside(folder: string, own: Own): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    await makeFolder(folder);
    try {
      await writeFlushed(own.aside, own.text);
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT" || attempt >= 10) throw error;
    }
  }
}

/**
 * Locks a folder for a longer piece of work, within which `lockFolder` and `unlockFolder` change nothing.
 * @param onWait if given, it waits like `awaitFolder`
 * @returns undefined if another process holds it
 */
export async function claimFolder(dir: string, onWait?: (line: string) => void): Promise<Release | undefined> {
  try {
    await (onWait ? awaitFolder(dir, onWait) : lockFolder(dir));
  } catch (error) {
    if (error instanceof HeldError) return undefined;
    throw error;
  }
  const file = path.join(path.resolve(dir), LOCK);
  const own = held.get(file)!;
  own.claimed = true;
  return () => {
    own.claimed = false;
    return unlockFolder(dir);
  };
}

/** @returns false if this process already holds the folder. @throws HeldError if another one does */
async function take(file: string, own: Own, dir: string): Promise<boolean> {
  for (;;) {
    if (await place(own, file)) return true;
    // The lock, and claims on it by processes that died midway.
    const chain: string[] = [];
    let found = await lockIn(file);
    const first = found;
    let at = file;
    let live = found !== undefined && isLive(at, found);
    while (found && !live) {
      at = `${file}-${found.token}`;
      chain.push(at);
      if (await place(own, at)) break;
      found = await lockIn(at);
      live = found !== undefined && isLive(at, found);
    }
    if (!first || !found) continue; // It was just released.
    if (live) {
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

function taken(dir: string, file: string, { pid, host }: Owner): HeldError {
  const where = host === thisProcess().host ? "" : ` on ${host}`;
  return new HeldError(
    `${dir}: process ${pid}${where} is at work there; wait for it, or, if it is gone, remove ${file}`,
  );
}

const begun = (dir: string): HeldError => new HeldError(`${dir}: another process has just started working there`);

const isThisProcess = ({ pid, host, born }: Owner): boolean => {
  const own = thisProcess();
  return pid === own.pid && host === own.host && born === own.born;
};

function isLive(file: string, found: Found): boolean {
  if (!found.owner) return false;
  const life = lifeOf(found.owner);
  // Locks of earlier versions give no signs of life.
  return (
    life === "alive" || (life === "unknown" && !(found.owner.leased && isSilent(file, found, patienceMs(found.owner))))
  );
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
  if (!own || own.claimed) return;
  held.delete(file);
  own.release();
  await own.silence();
  if (held.size === 0) process.off("exit", releaseAll);
  if (tokenIn(file) === own.token) await rm(file, { force: true });
}

function releaseAll(): void {
  for (const [file, { token }] of held) if (tokenIn(file) === token) rmSync(file, { force: true });
}
