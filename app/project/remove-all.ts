/** Removes a folder with all that is in it. */
import type { Store } from "../../src/runs/store.ts";

export async function removeAll(parent: Store, name: string): Promise<void> {
  const folder = parent.folder(name);
  for (const inner of await folder.list()) {
    if ((await folder.folder(inner).list()).length > 0) await removeAll(folder, inner);
    else await folder.remove(inner);
  }
  await folder.removeIfEmpty();
}
