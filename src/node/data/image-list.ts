/** Lists the images of `predict --data`: those below a folder, or of a manifest, in an order that is the same on every machine. */
import { createHash } from "node:crypto";
import { lstat, open, realpath, stat } from "node:fs/promises";
import path from "node:path";
import { nameIn } from "../../data/layouts/names.ts";
import { IMAGE_FILE } from "../../data/layouts/stems.ts";
import { type ListedImage, parseImageList } from "../../data/readers/image-list.ts";
import { DataError, reasonOf } from "../../data/sample.ts";
import { decodeText } from "../../data/text.ts";
import { MOST_BYTES, readRegular, reason } from "../files.ts";
import { FolderPathFinder } from "./path-finder.ts";
import { parsePictureName } from "./picture-file.ts";
import { listFolder } from "./set-files.ts";

export interface ImageList {
  /** What names are relative to. */
  dir: string;
  /** The manifest's path; undefined if the folder was listed. */
  manifest: string | undefined;
  /** By name, in code unit order of its NFC form. */
  images: ListedImage[];
  /** The same for the same list of names and, by samples, of files; wherever the folder lies. */
  digest: string;
  notes: string[];
}

const MANIFESTS = /^manifest\.(?:csv|jsonl|json)$/i;
/** Images, spread over the list, whose content is part of the digest: another folder's may have the same names. */
const SAMPLES = 16;
const SAMPLE_BYTES = 2 ** 16;

/**
 * @param data a folder, which a manifest in it lists if there is one, or the file of a manifest
 * @throws DataError, InputError if there is no image, or none of the samples can be read
 */
export async function listImages(data: string, signal?: AbortSignal): Promise<ImageList> {
  const list = await named(data, signal);
  if (list.images.length === 0) throw new DataError(`${data}: there is no image`);
  sortByName(list.images);
  return { ...list, digest: await digestOf(list, data) };
}

type Named = Omit<ImageList, "digest">;

async function named(data: string, signal: AbortSignal | undefined): Promise<Named> {
  const found = await stat(data).catch(() => undefined);
  if (found?.isFile()) {
    if (/\.(?:csv|jsonl|json)$/i.test(data)) return readList(data);
    throw new DataError(
      `${data}: is neither a folder nor a manifest (.csv, .jsonl, .json); images are named without --data`,
    );
  }
  const manifests = (await listFolder(data)).files.filter((name) => MANIFESTS.test(name));
  if (manifests.length > 1) {
    throw new DataError(`${data}: has both ${manifests.join(" and ")}; name the one to read as --data`);
  }
  return manifests.length === 1 ? readList(path.join(data, manifests[0]!)) : listBelow(data, signal);
}

async function readList(manifest: string): Promise<Named> {
  try {
    const text = decodeText(await readRegular(manifest, MOST_BYTES.text).catch(rethrown));
    const { images, repeated } = parseImageList(text, /\.csv$/i.test(manifest) ? "csv" : "json");
    const notes = repeated > 0 ? [`${manifest}: ${repeated} rows name an image again: each is predicted once`] : [];
    return { dir: path.dirname(manifest), manifest, images, notes };
  } catch (error) {
    throw error instanceof DataError ? new DataError(`${manifest}: ${error.message}`) : error;
  }
}

const rethrown = (error: unknown): never => {
  throw new DataError(reason(error));
};

async function listBelow(dir: string, signal: AbortSignal | undefined): Promise<Named> {
  const images: ListedImage[] = [];
  const [others, masks, again]: string[][] = [[], [], []];
  const entered = new Set<string>();
  const folders = [""];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    signal?.throwIfAborted();
    const here = path.join(dir, folder);
    const real = await realpath(here).catch(() => here);
    // Links may lead to a folder twice, or in a circle.
    if (entered.has(real)) {
      again!.push(folder);
      continue;
    }
    entered.add(real);
    const { files, folders: below } = await listFolder(here);
    for (const file of files) {
      const name = nameIn(folder, file);
      if (!IMAGE_FILE.test(file)) others!.push(name);
      else {
        images.push({ name, cropped: false });
        if (MASK.test(name)) masks!.push(name);
      }
    }
    folders.push(...below.map((name) => nameIn(folder, name)).reverse());
  }
  const note = (names: string[] | undefined, what: string) =>
    names && names.length > 0 ? [`${dir}: ${names.length} ${what}, the first: ${names.sort()[0]!}`] : [];
  const notes = [
    ...note(others, "files are no images by their extension and are not read"),
    ...note(masks, "images are masks by their names and are predicted like any other; a manifest would leave them out"),
    ...note(again, "folders are behind links to what is read already and are not read again"),
  ];
  return { dir, manifest: undefined, images, notes };
}

const MASK = /(?:^|[^\p{L}])masks?(?:[^\p{L}]|$)/iu;

function sortByName(images: ListedImage[]): void {
  const form = ({ name }: ListedImage) => (/[^\0-\x7f]/.test(name) ? name.normalize("NFC") : name);
  images.sort((a, b) => {
    const [x, y] = [form(a), form(b)];
    return x < y ? -1 : x > y ? 1 : a.name < b.name ? -1 : Number(a.name > b.name);
  });
}

/** A name in the list as a path. */
export async function pathOf(
  { dir, manifest }: Pick<ImageList, "dir" | "manifest">,
  name: string,
  finder: FolderPathFinder,
): Promise<string> {
  return manifest === undefined ? path.join(dir, name) : finder.find(name);
}

async function digestOf(list: Named, data: string): Promise<string> {
  const { images } = list;
  const hash = createHash("sha256");
  for (const { name, cropped } of images) hash.update(`${name.normalize("NFC")}\0${cropped ? 1 : 0}\n`);
  const finder = new FolderPathFinder(list.dir, { counts: false });
  let first: string | undefined;
  let unread = 0;
  const samples = Math.min(SAMPLES, images.length);
  for (let s = 0; s < samples; s++) {
    const { name } = images[Math.floor((s * images.length) / samples)]!;
    try {
      hash.update(await beginning(await pathOf(list, name, finder)));
    } catch (error) {
      if (!(error instanceof DataError) && (error as NodeJS.ErrnoException).code === undefined) throw error;
      unread++;
      first ??= `${name}: ${reasonOf(error instanceof DataError ? error : new Error(reason(error)))}`;
      hash.update("unreadable");
    }
  }
  // A folder that is not mounted would leave out every image, one by one.
  if (unread === samples) {
    const tried =
      samples === 1 ? "its image cannot be read" : `none of ${samples} images, spread over all, can be read`;
    throw new DataError(`${data}: ${tried}; the first: ${first!}`);
  }
  return hash.digest("hex");
}

/** A file's size and first bytes. */
async function beginning(name: string): Promise<Uint8Array> {
  const { file } = await parsePictureName(name);
  const found = await stat(file);
  if (!found.isFile()) throw new DataError("is not a file");
  const { size } = found;
  const handle = await open(file);
  try {
    const bytes = Buffer.alloc(Math.min(size, SAMPLE_BYTES));
    const { bytesRead } = await handle.read(bytes, 0, bytes.length, 0);
    return Buffer.concat([Buffer.from(`${size}\n`), bytes.subarray(0, bytesRead)]);
  } finally {
    await handle.close();
  }
}

/** Whether a name still stands in its folder, be it a link to nothing; of a manifest's, whether the manifest is still there. */
export async function isStillListed({ manifest }: Pick<ImageList, "manifest">, file: string): Promise<boolean> {
  return lstat(manifest ?? file).then(
    () => true,
    () => false,
  );
}
