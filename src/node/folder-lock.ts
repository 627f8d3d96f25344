/** One process at a time in a folder that is written to for hours: two would overwrite each other's checkpoints. */
import { rmSync } from "node:fs";
import { mkdir, open, rm } from "node:fs/promises";
import { hostname } from "node:os";
import path from "node:path";
import { InputError, readInput, reason } from "./files.ts";

/** The file that says who is at work. Leftovers of killed processes are known by their process being gone. */
export const LOCK = ".mganet-lock";

interface Owner {
  pid: number;
  host: string;
}

/** Locks of this process, which go with it. */
const held = new Set<string>();

/**
 * Takes a folder, which is made if there is none, for this process until its end or `unlockFolder`.
 * @throws InputError if another process has it
 */
export async function lockFolder(dir: string): Promise<void> {
  await mkdir(dir, { recursive: true });
  const file = path.join(dir, LOCK);
  if (!(await take(file))) {
    const owner = await ownerOf(file);
    if (owner && isThis(owner)) return;
    if (owner && isAlive(owner)) {
      const where = isHere(owner) ? "" : ` on ${owner.host}`;
      throw new InputError(
        `${dir}: process ${owner.pid}${where} is at work there; wait for it, or, if it is gone, remove ${file}`,
      );
    }
    await rm(file, { force: true });
    if (!(await take(file))) throw new InputError(`${dir}: another process has just begun to work there`);
  }
  if (held.size === 0) process.once("exit", releaseAll);
  held.add(file);
}

/** Gives a folder back that this process has. */
export async function unlockFolder(dir: string): Promise<void> {
  const file = path.join(dir, LOCK);
  if (!held.delete(file)) return;
  if (held.size === 0) process.off("exit", releaseAll);
  await rm(file, { force: true });
}

function releaseAll(): void {
  for (const file of held) rmSync(file, { force: true });
}

/** Makes the file, unless it is there. */
async function take(file: string): Promise<boolean> {
  try {
    const handle = await open(file, "wx");
    const owner: Owner = { pid: process.pid, host: hostname() };
    await handle.writeFile(`${JSON.stringify(owner)}\n`);
    await handle.close();
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw new InputError(`${file}: cannot be written: ${reason(error)}`, { cause: error });
  }
}

/** Whose the file is; undefined where it says nothing, as after a crash of the machine, or is gone by now. */
async function ownerOf(file: string): Promise<Owner | undefined> {
  try {
    const { pid, host } = JSON.parse((await readInput(file)).toString("utf8")) as Partial<Owner>;
    return Number.isInteger(pid) && typeof host === "string" ? { pid: pid!, host } : undefined;
  } catch {
    return undefined;
  }
}

const isHere = ({ host }: Owner): boolean => host === hostname();
const isThis = (owner: Owner): boolean => isHere(owner) && owner.pid === process.pid;

/** Of processes of another machine nothing is known: they count as alive. */
function isAlive(owner: Owner): boolean {
  if (!isHere(owner)) return true;
  try {
    process.kill(owner.pid, 0);
    return true;
  } catch (error) {
    // It is there, but another user's.
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
