/**
 * Recognises classes in a data set's texts: table cells, object and folder names, words in file names. Readers use this
 * interface and do not know which classes there are: benign and malignant (BinaryWords), those named by the user or the set
 * (NamedWords), or TI-RADS grades (./tirads-words.ts).
 */
import { classKey } from "../classes.ts";
import { DataError, type Label } from "../sample.ts";
import { parseClass, parseNumber } from "./values.ts";
import { classInWords, hasClassWord, isDenied, noduleOf } from "./words.ts";

/** What a label is: the set's class, its TI-RADS grade, or the kind of nodule, which the phantoms know. */
export const targets = ["class", "tirads", "kind"] as const;
export type Target = (typeof targets)[number];

/** What the words of a folder's name mean, and how many of them were used. */
export interface FolderClass {
  /** A class; "normal" if normal tissue is not a class; undefined for none of the requested classes. */
  tissue: number | "normal" | undefined;
  length: number;
}

export interface ClassWords {
  readonly target: Target;
  /** While a set is read, labels are indices into these. The list may grow by classes that were not requested. */
  readonly names: readonly string[];
  /** The class in a table cell. @throws DataError for none: no class is guessed */
  cell(text: string): number;
  /** Whether a cell is a class known in advance. */
  knows(text: string): boolean;
  /** The class that a text contains as a whole word; undefined for several, none, or a negation such as "non-malignant". */
  inText(text: string): Label;
  /**
   * Interprets an object's name: a nodule of a class, a nodule of unknown class, or (undefined) something not known to be a
   * nodule.
   * @param numbers whether the names 0 and 1 mean benign and malignant: not if they may be mere positions in a list
   */
  object(name: string, options: { numbers: boolean }): { label: Label } | undefined;
  /** What the first words of a folder's name mean; undefined if unknown. */
  folder(words: readonly string[]): FolderClass | undefined;
  /** Whether a label's class was not requested. */
  isOther(label: number): boolean;
  /** Records a folder of unknown name with images: its name may be a class. */
  hearFolder(name: string, images: number): void;
}

/** Benign and malignant. Records which other names a set has, in case it has classes of its own. */
export class BinaryWords implements ClassWords {
  readonly target = "class";
  readonly names = ["benign", "malignant"] as const;
  /** Names that are neither, as written. */
  readonly heard = new Set<string>();
  /** Whether anything in the set is called benign or malignant, 0 or 1. */
  heardOwn = false;
  readonly #folders = new Map<string, number>();

  cell(text: string): number {
    try {
      const label = parseClass(text);
      this.heardOwn = true;
      return label;
    } catch (error) {
      this.#hear(text);
      throw error;
    }
  }

  knows(text: string): boolean {
    try {
      parseClass(text);
      return true;
    } catch {
      return false;
    }
  }

  inText(text: string): Label {
    const label = classInWords(text);
    if (label !== undefined) this.heardOwn = true;
    return label;
  }

  object(name: string, options: { numbers: boolean }): { label: Label } | undefined {
    const found = noduleOf(name, options);
    if (found === undefined) this.#hear(name);
    else if (found.label !== undefined) this.heardOwn = true;
    return found;
  }

  folder([first]: readonly string[]): FolderClass | undefined {
    if (first === "normal") return { tissue: "normal", length: 1 };
    const label = this.names.findIndex((name) => name === first);
    if (label === -1) return undefined;
    this.heardOwn = true;
    return { tissue: label, length: 1 };
  }

  isOther(): boolean {
    return false;
  }

  hearFolder(name: string, images: number): void {
    this.#hear(name);
    this.#folders.set(name, images);
  }

  /** Number of images in folders whose names are neither. */
  get inFolders(): number {
    return [...this.#folders.values()].reduce((a, b) => a + b, 0);
  }

  #hear(text: string): void {
    if (hasClassWord(text)) this.heardOwn = true;
    else if (text.trim() !== "") this.heard.add(text.trim());
  }
}

/** More names than this are not classes but something else, such as free text for each image. */
const MAX_NAMES = 1000;

/** Classes with given names. Any other class in the set is recorded as an extra one. */
export class NamedWords implements ClassWords {
  readonly target: Target = "class";
  readonly #names: string[];
  readonly #asked: number;
  readonly #byKey = new Map<string, number>();

  /** @param names checked by `checkClassNames` */
  constructor(names: readonly string[]) {
    this.#names = [...names];
    this.#asked = names.length;
    for (const [i, name] of names.entries()) this.#byKey.set(keyOf(name), i);
    // A set may write them as 0 and 1, as most do, unless these are names themselves.
    for (const [i, word] of ["benign", "malignant"].entries()) {
      const label = this.#byKey.get(word);
      if (label !== undefined && !this.#byKey.has(`${i}`)) this.#byKey.set(`${i}`, label);
    }
  }

  get names(): readonly string[] {
    return this.#names;
  }

  cell(text: string): number {
    const known = this.#byKey.get(keyOf(text));
    if (known !== undefined) return known;
    if (this.#names.length > MAX_NAMES) throw new DataError(`is one of more than ${MAX_NAMES} different classes`);
    const name = text.normalize("NFC").trim();
    this.#byKey.set(keyOf(name), this.#names.length);
    return this.#names.push(name) - 1;
  }

  knows(text: string): boolean {
    const label = this.#byKey.get(keyOf(text));
    return label !== undefined && !this.isOther(label);
  }

  inText(text: string): Label {
    const words = wordsIn(text);
    const found = new Set<number>();
    for (const [label, name] of this.#names.slice(0, this.#asked).entries()) {
      const own = wordsIn(name);
      for (let i = 0; i + own.length <= words.length; i++) {
        if (!own.every((word, k) => words[i + k] === word)) continue;
        if (isDenied(words, i)) return undefined;
        found.add(label);
      }
    }
    // Of "normal" and "normal thyroid", the longer one is meant.
    const longest = [...found].filter((a) => ![...found].some((b) => b !== a && this.#contains(b, a)));
    return longest.length === 1 ? longest[0] : undefined;
  }

  #contains(outer: number, inner: number): boolean {
    return ` ${wordsIn(this.#names[outer]!).join(" ")} `.includes(` ${wordsIn(this.#names[inner]!).join(" ")} `);
  }

  object(name: string, { numbers }: { numbers: boolean }): { label: Label } | undefined {
    const isNumber = /^\d+(?:\.0*)?$/.test(name.trim());
    if (this.knows(name) && !(isNumber && !numbers && !this.#names.includes(name.trim()))) {
      return { label: this.cell(name) };
    }
    const label = this.inText(name);
    if (label !== undefined) return { label };
    const nodule = noduleOf(name, { numbers });
    // A nodule without a class, as for benign and malignant; any other name is another class.
    return nodule?.label === undefined && nodule !== undefined ? nodule : { label: this.cell(name) };
  }

  folder(words: readonly string[]): FolderClass | undefined {
    let best: FolderClass | undefined;
    for (const [label, name] of this.#names.entries()) {
      const own = wordsIn(name);
      if (own.length > (best?.length ?? 0) && own.every((word, k) => words[k] === word)) {
        best = { tissue: label, length: own.length };
      }
    }
    if (best) return best;
    const [first = ""] = words;
    return ["benign", "malignant", "normal"].includes(first) ? { tissue: this.cell(first), length: 1 } : undefined;
  }

  isOther(label: number): boolean {
    return this.#asked > 0 && label >= this.#asked;
  }

  hearFolder(): void {
    // Folders with other names are ignored.
  }
}

/** The form in which names are compared; 2.0 is 2, since spreadsheets save number columns with gaps that way. */
export const keyOf = (text: string): string => parseNumber(text)?.toString() ?? classKey(text);

/** Words and numbers of a text, in lower case. */
const wordsIn = (text: string): string[] =>
  text
    .normalize("NFC")
    .toLowerCase()
    .match(/[\p{L}\p{N}]+/gu) ?? [];

const COLLATOR = new Intl.Collator("en", { numeric: true });

/** The default order of classes: alphabetical, numbers by value. */
export const inOrder = (names: Iterable<string>): string[] =>
  [...names].sort((a, b) => COLLATOR.compare(a, b) || (a < b ? -1 : 1));
