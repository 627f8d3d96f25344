/** Helpers to recognise a layout by the files in its folders. */
import { byNumber, IMAGE_FILE } from "./collect.ts";
import type { Look, Peek } from "./layout.ts";
import { nameIn } from "./names.ts";
import { join, type Tree } from "./tree.ts";

/** Files of one kind examined per folder: the first may be damaged. */
const LOOKED_INTO = 3;

export const hasImages = (tree: Tree): boolean =>
  tree.folders.some(({ files }) => files.some((file) => IMAGE_FILE.test(file)));

/** Whether one of the first matching files in any of the folders satisfies `is`. */
export async function anyFile(tree: Tree, name: RegExp, is: (file: string) => Promise<boolean>): Promise<boolean> {
  for (const folder of tree.folders) {
    const files = folder.files.filter((file) => name.test(file)).sort(byNumber);
    for (const file of files.slice(0, LOOKED_INTO)) if (await is(join(folder, file))) return true;
  }
  return false;
}

/** What `find` finds in the first matching files of a folder. */
export async function firstTexts(
  folder: string,
  name: RegExp,
  look: Look,
  peek: Peek,
  find: (text: string) => string | string[],
): Promise<string[]> {
  const files = (await look(folder)).files.filter((file) => name.test(file)).sort(byNumber);
  const texts = files.slice(0, LOOKED_INTO).map((file) => peek(nameIn(folder, file)));
  return (await Promise.all(texts)).flatMap(find);
}
