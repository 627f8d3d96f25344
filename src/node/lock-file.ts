/** The file of a lock: written in full under another name and linked into place, and read. */
import { existsSync, readFileSync } from "node:fs";
import { link, readFile, stat, writeFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { writeFlushed } from "./files.ts";
import { isLease } from "./lease.ts";
import { type ProcessIdentity } from "./process-identity.ts";

export interface Owner extends ProcessIdentity {
  /** Unique to this lock. */
  token?: string;
  /** Whether its holder gives signs of life (lease.ts). */
  leased?: boolean;
  /** Seconds of its holder's lease; locks of earlier versions do not say. */
  lease?: number;
}

/** A lock as found. If the file is empty, as after a machine crash, it has no owner. */
export interface Found {
  owner: Owner | undefined;
  token: string;
  /** When it was last touched, by the clock of whoever did it. */
  touched: number;
}

/** This process's lock before it is in place. */
export interface Own {
  token: string;
  text: string;
  /** Its temporary name. */
  aside: string;
}

/** How long an empty lock counts as being written (`placeWithoutLinks`). */
const WRITTEN_WITHIN_MS = 500;
/** How often an empty lock is read again. */
const POLL_MS = 20;

/** Links a lock to a name not yet in use. @returns false if the name exists */
export async function place(own: Own, name: string): Promise<boolean> {
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
export async function lockIn(file: string): Promise<Found | undefined> {
  const begun = performance.now();
  for (;;) {
    try {
      const [text, { ino, mtimeMs }] = [await readFile(file, "utf8"), await stat(file)];
      if (text !== "" || performance.now() - begun >= WRITTEN_WITHIN_MS) {
        const owner = parse(text);
        return { owner, token: owner?.token ?? `${ino}-${Math.round(mtimeMs)}`, touched: mtimeMs };
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
    const { pid, host, born, token, leased, lease } = JSON.parse(text) as Partial<Owner>;
    if (!Number.isInteger(pid) || typeof host !== "string") return undefined;
    return {
      pid: pid!,
      host,
      ...(typeof born === "string" ? { born } : {}),
      ...(typeof token === "string" && /^[\w-]+$/.test(token) ? { token } : {}),
      ...(leased === true ? { leased } : {}),
      ...(typeof lease === "number" && isLease(lease) ? { lease } : {}),
    };
  } catch {
    return undefined;
  }
}

/** The token in a lock file, read synchronously; undefined if there is none. */
export function tokenIn(file: string): string | undefined {
  try {
    return parse(readFileSync(file, "utf8"))?.token;
  } catch {
    return undefined;
  }
}
