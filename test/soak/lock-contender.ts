/** A process that races for folders as it is told over IPC: ./lock-race.ts. */
import { closeSync, openSync, rmSync } from "node:fs";
import path from "node:path";
import { InputError } from "../../src/node/files.ts";
import { lockFolder, unlockFolder } from "../../src/node/folder-lock.ts";
import type { Answer, Order } from "./lock-race.ts";

process.on("message", (order: Order) => {
  void answer(order).then((reply) => process.send!(reply));
});

async function answer({ dir, what }: Order): Promise<Answer> {
  if (what === "give back") {
    await unlockFolder(dir);
    return { held: 0, together: 0 };
  }
  if (what === "take") return { held: (await attempt(dir)) ? 1 : 0, together: 0 };
  const total: Answer = { held: 0, together: 0 };
  for (let i = 0; i < 50; i++) {
    if (!(await attempt(dir))) continue;
    total.held++;
    if (!alone(path.join(dir, "inside"))) total.together++;
    await unlockFolder(dir);
  }
  return total;
}

/** Whether this process got the folder. */
async function attempt(dir: string): Promise<boolean> {
  try {
    await lockFolder(dir);
    return true;
  } catch (error) {
    if (error instanceof InputError) return false;
    throw error;
  }
}

/** Whether nobody else is inside, by a file of its own that each makes and takes away. */
function alone(file: string): boolean {
  try {
    closeSync(openSync(file, "wx"));
  } catch {
    return false;
  }
  rmSync(file);
  return true;
}
