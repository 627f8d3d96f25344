/** Lists of the images on a side of a set's own split: one a line. */

/** An id as its own list has it, or of whatever else stands there. */
export type Listed<T> = { line: number; name: string; found: readonly T[] };

/**
 * What each line of a list means: an image's name with or without folders and extension; a second column, as VOC has for single
 * classes, is not read.
 *
 * @param find what there is of a name, which is tried as the whole line and as its first word, since names may have blanks; then
 *   without folders, and without extension, since they may have dots
 */
export function parseImageSet<T>(text: string, find: (name: string) => readonly T[]): Listed<T>[] {
  return text
    .replace(/^\ufeff/, "")
    .split(/\r\n|\r|\n/)
    .flatMap((content, i): Listed<T>[] => {
      const whole = content.trim();
      if (whole === "") return [];
      const [first = ""] = whole.split(/\s+/, 1);
      for (const name of new Set([whole, first].flatMap(forms))) {
        const found = find(name);
        if (found.length > 0) return [{ line: i + 1, name, found }];
      }
      return [{ line: i + 1, name: first, found: [] }];
    });
}

function forms(name: string): string[] {
  const base = name.split(/[\\/]/).at(-1)!;
  return [name, base, base.replace(/\.[A-Za-z]\w{1,4}$/, "")].map((form) => form.normalize("NFC"));
}
