/** Keeps other tabs away from the open project: each saves the whole of it, so that the last one would undo what the others did. */
import type { OpfsStore } from "../../src/web/opfs-store.ts";
import { projectsStore } from "./project-store.ts";
import { removeAll } from "./remove-all.ts";

let held: OpfsStore | undefined;

let last: Promise<unknown> = Promise.resolve();

/** One after the other: what removes remains must not take for such what is just being made. */
function inTurn<T>(work: () => Promise<T>): Promise<T> {
  const done = last.then(work, work);
  last = done.catch(() => {});
  return done;
}

async function take(name: string): Promise<void> {
  const store = projectsStore.folder(name);
  if (held?.name === store.name) return;
  await store.lock();
  await held?.unlock();
  held = store;
}

async function release(): Promise<void> {
  await held?.unlock();
  held = undefined;
}

/** Until another one is held, this is let go, or the tab is closed. @throws InputError if another tab has it open */
export const hold = (name: string): Promise<void> => inTurn(() => take(name));

export const letGo = (): Promise<void> => inTurn(release);

/** @throws InputError if another tab has it open */
export const removeProject = (name: string): Promise<void> =>
  inTurn(async () => {
    await take(name);
    await release();
    await removeAll(projectsStore, name);
  });

/** Removes what a tab that was closed or crashed in the midst of an import has left. */
export const removeHalfMade = (name: string): Promise<void> =>
  inTurn(async () => {
    const store = projectsStore.folder(name);
    if (held?.name === store.name || (await store.exists("project.json"))) return;
    try {
      await store.lock();
    } catch {
      return; // Another tab is making it.
    }
    const made = await store.exists("project.json");
    await store.unlock();
    if (!made) await removeAll(projectsStore, name);
  });
