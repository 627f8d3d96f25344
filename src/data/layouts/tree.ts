/**
 * Reads a set's folder tree with plain names: sides (train, val, test), kinds (images, masks, annotations) and classes, in any
 * order, alone or joined as in `test_images`. Other folders are entered only within these.
 */
import type { ClassWords } from "../readers/class-words.ts";
import type { Label, Side } from "../sample.ts";
import { byNumber, groupBy, IMAGE_FILE } from "./collect.ts";
import type { Listing, Look } from "./layout.ts";
import { bareOf, nameIn } from "./names.ts";

export interface TreeFolder {
  /** Relative to the set's folder, with /; "" is the set's folder itself. */
  path: string;
  files: string[];
  /** The path's words without those for the kind: equal for images/train and masks/train. */
  place: string;
  kind: "images" | "marks" | undefined;
  side: Side | undefined;
  /** A class; "normal" is tissue without a nodule, if that is not a class. */
  kindOfTissue: number | "normal" | "several" | undefined;
}

export interface Tree {
  folders: TreeFolder[];
  /** Folders with other names that contain images, and how many. */
  unread: { path: string; images: number }[];
}

export interface TreeImage {
  /** Relative to the set's folder, with /. */
  file: string;
  name: string;
  stem: string;
  folder: TreeFolder;
}

const SIDES = new Map<string, Side>([
  ...["train", "training", "trainval"].map((word): [string, Side] => [word, "train"]),
  ...["val", "valid", "validation", "dev"].map((word): [string, Side] => [word, "val"]),
  ...["test", "testing", "tests"].map((word): [string, Side] => [word, "test"]),
]);
const IMAGES = new Set([
  "image",
  "images",
  "img",
  "imgs",
  "original",
  "originals",
  "picture",
  "pictures",
  "jpegimages",
]);
const MARKS = new Set([
  ...["mask", "masks", "label", "labels", "gt", "groundtruth", "ground", "truth", "seg", "segs", "segmentation"],
  ...["segmentations", "annotation", "annotations", "annot", "annots", "xml", "xmls", "json", "jsons", "contours"],
]);
const NEUTRAL = new Set([
  "thyroid",
  "nodule",
  "nodules",
  "us",
  "ultrasound",
  "case",
  "cases",
  "class",
  "tissue",
  "tumor",
]);

/** Folders this deep below the set's are not entered. */
const MAX_DEPTH = 5;

type Words = Pick<TreeFolder, "kind" | "side" | "kindOfTissue"> & { rest: string[] };

/** Interprets a folder's name; undefined if it has an unknown word. */
function understand(name: string, classes: ClassWords): Words | undefined {
  const found: Words = { kind: undefined, side: undefined, kindOfTissue: undefined, rest: [] };
  let says = false;
  // obj_train_data, as in CVAT's YOLO exports.
  const plain = name.toLowerCase().replace(/^obj_(.+)_data$/, "$1");
  const tokens = plain
    .normalize("NFC")
    .split(/[^\p{L}\p{N}]+/u)
    .filter((token) => token !== "");
  let passed = 0;
  for (const [i, token] of tokens.entries()) {
    if (i < passed) continue;
    const known = classes.folder(tokens.slice(i));
    if (known) {
      const { tissue, length } = known;
      const before = found.kindOfTissue;
      found.kindOfTissue =
        before === undefined || tissue === undefined || before === tissue ? (tissue ?? before) : "several";
      found.rest.push(...tokens.slice(i, i + length));
      passed = i + length;
      says = true;
      continue;
    }
    // train2017, as in COCO.
    const word = token.replace(/(?<=\p{L})(?:19|20)\d\d$/u, "");
    const kind = IMAGES.has(word) ? "images" : MARKS.has(word) ? "marks" : undefined;
    if (kind !== undefined) {
      if (found.kind !== undefined && found.kind !== kind) return undefined;
      found.kind = kind;
    } else if (SIDES.has(word)) {
      found.side = SIDES.get(word);
      found.rest.push(found.side!);
    } else if (/^\d+$/.test(word)) {
      // 0_benign: the number alone means nothing.
      found.rest.push(word);
      continue;
    } else if (NEUTRAL.has(word) || word === "") continue;
    else return undefined;
    says = true;
  }
  return says ? found : undefined;
}

/** Reads the tree below a set's folder. */
export async function readTree(listing: Listing, look: Look, classes: ClassWords): Promise<Tree> {
  const tree: Tree = { folders: [], unread: [] };
  const top: TreeFolder = {
    ...{ path: "", files: listing.files, place: "" },
    ...{ kind: undefined, side: undefined, kindOfTissue: undefined },
  };
  await enter(top, listing.folders, 0);
  return tree;

  async function enter(folder: TreeFolder, below: readonly string[], depth: number): Promise<void> {
    tree.folders.push(folder);
    if (depth === MAX_DEPTH) return;
    for (const name of below) {
      const where = nameIn(folder.path, name);
      const { files, folders } = await look(where);
      // Within images/, masks/ or a class, folders of any name belong to it: patients, labelling tools' subsets.
      const within = folder.kind !== undefined || folder.kindOfTissue !== undefined;
      const words = understand(name, classes) ?? (within ? { rest: [name.toLowerCase()] } : undefined);
      if (!words) {
        const images = files.filter((file) => IMAGE_FILE.test(file)).length;
        if (images > 0) tree.unread.push({ path: where, images });
        continue;
      }
      const {
        kind,
        side,
        kindOfTissue: tissue,
        rest,
      } = { kind: undefined, side: undefined, kindOfTissue: undefined, ...words };
      const outer = folder.kindOfTissue;
      await enter(
        {
          path: where,
          files,
          place: [folder.place, ...rest].filter(Boolean).join("/"),
          kind: kind ?? folder.kind,
          side: side ?? folder.side,
          kindOfTissue: tissue === undefined || outer === undefined || tissue === outer ? (tissue ?? outer) : "several",
        },
        folders,
        depth + 1,
      );
    }
  }
}

export const join = (folder: TreeFolder, name: string): string => nameIn(folder.path, name);

/** The class that folders give; undefined for none. */
export const labelOf = ({ kindOfTissue }: TreeFolder): Label =>
  typeof kindOfTissue === "number" ? kindOfTissue : undefined;

/** The images of a tree, ordered by number; `where` selects folders. */
export function imagesOf(tree: Tree, where = (folder: TreeFolder) => folder.kind !== "marks"): TreeImage[] {
  return tree.folders.filter(where).flatMap((folder) =>
    folder.files
      .filter((name) => IMAGE_FILE.test(name))
      .sort(byNumber)
      .map((name) => ({ file: join(folder, name), name, stem: bareOf(name), folder })),
  );
}

/** Finds images by the names that annotations use. */
export class ImageIndex {
  readonly all: readonly TreeImage[];
  readonly #byStem: Map<string, TreeImage[]>;
  readonly #byName: Map<string, TreeImage[]>;
  readonly #byBareStem: Map<string, TreeImage[]>;

  constructor(images: readonly TreeImage[]) {
    this.all = images;
    this.#byStem = groupBy(images, ({ folder, stem }) => `${folder.place}\n${key(stem)}`);
    this.#byName = groupBy(images, ({ name }) => key(name));
    this.#byBareStem = groupBy(images, ({ stem }) => key(stem));
  }

  /** Images with a stem in folders with the same place. */
  ofStem(place: string, stem: string): readonly TreeImage[] {
    return this.#byStem.get(`${place}\n${key(stem)}`) ?? [];
  }

  /**
   * Images that a path may mean: with its file name, and as many of its folders as needed to distinguish them. Folders outside
   * this set, such as another machine's, are skipped.
   */
  ofPath(written: string): readonly TreeImage[] {
    const parts = written
      .replaceAll("\\", "/")
      .split("/")
      .filter((part) => part !== "" && part !== ".");
    let found = this.#byName.get(key(parts.at(-1) ?? "")) ?? [];
    for (let n = 2; n <= parts.length && found.length > 1; n++) {
      const end = key(`/${parts.slice(-n).join("/")}`);
      const closer = found.filter(({ file }) => key(`/${file}`).endsWith(end));
      if (closer.length === 0) break;
      found = closer;
    }
    return found;
  }

  /** Images that a path, or a stem without folders and extension, may mean. */
  ofName(written: string): readonly TreeImage[] {
    const found = this.ofPath(written);
    return found.length > 0 ? found : (this.#byBareStem.get(key(written)) ?? []);
  }
}

/** The form in which names are compared: systems differ in case and in how they encode accents. */
export const key = (name: string): string => name.normalize("NFC").toLowerCase();
