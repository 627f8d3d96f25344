/** For recognising a layout by the files in its folders. */
import { byNumber, IMAGE_FILE } from "./collect.ts";
import { join, type Tree } from "./tree.ts";

/** Files of one kind in one folder that are looked into: the first may be the damaged one. */
const LOOKED_INTO = 3;

export const hasImages = (tree: Tree): boolean =>
  tree.folders.some(({ files }) => files.some((file) => IMAGE_FILE.test(file)));

/** Whether one of the first files of a name in any of the folders is what is looked for. */
export async function anyFile(tree: Tree, name: RegExp, is: (file: string) => Promise<boolean>): Promise<boolean> {
  for (const folder of tree.folders) {
    const files = folder.files.filter((file) => name.test(file)).sort(byNumber);
    for (const file of files.slice(0, LOOKED_INTO)) if (await is(join(folder, file))) return true;
  }
  return false;
}
