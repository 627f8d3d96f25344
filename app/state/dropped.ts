/** The files of what was dropped or chosen, with their paths. */
import type { FileEntry } from "../../src/web/set-files.ts";
import { cleanName } from "../project/names.ts";

/** Of a drop: folders are walked. Call at once in the handler: the transfer is emptied after it. */
export async function filesOfDrop(transfer: DataTransfer): Promise<FileEntry[]> {
  const entries = Array.from(transfer.items, (item) => (item.kind === "file" ? item.webkitGetAsEntry() : null));
  const found: FileEntry[] = [];
  for (const entry of entries) if (entry) await walk(entry, found);
  return found;
}

async function walk(entry: FileSystemEntry, found: FileEntry[]): Promise<void> {
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject));
    found.push({ path: entry.fullPath.replace(/^\//, ""), file });
    return;
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  for (;;) {
    // Some at a time, until there are none.
    const part = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (part.length === 0) return;
    for (const inner of part) await walk(inner, found);
  }
}

/** Of an <input type="file">, with `webkitdirectory` or not. */
export const filesOfInput = (files: FileList): FileEntry[] =>
  Array.from(files, (file) => ({ path: file.webkitRelativePath === "" ? file.name : file.webkitRelativePath, file }));

/** A project's name for them: that of their folder, or of the only file. */
export function nameFor(entries: readonly FileEntry[]): string {
  const folders = new Set(entries.map(({ path }) => path.split("/")[0]!));
  const [only] = folders;
  const base = folders.size === 1 && only !== undefined ? only.replace(/\.\w+$/, "") : "images";
  return cleanName(base, 40, "images");
}
