/** Parses lists of the images on a side of a set's own split, one per line. */

/** A list entry: its line, its name, and the matches found for it. */
export type Listed<T> = { line: number; name: string; found: readonly T[] };

/**
 * Resolves each line of a list: an image's name with or without folders and extension; a second column, as in VOC's lists for
 * single classes, is ignored.
 *
 * @param find looks up a name, which is tried as the whole line and as its first word, since names may contain spaces; then
 *   without folders, and without extension, since they may contain dots
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
