/**
 * Images with masks of the same names: in folders such as images/ and masks/ (sides and classes above, below or joined to
 * them), or `a.png` and `a_mask.png` beside each other.
 */
import path from "node:path";
import { groupBy, IMAGE_FILE } from "./collect.ts";
import { imagesOf, key, type Tree, type TreeImage } from "./tree.ts";

export interface Pair {
  image: TreeImage;
  masks: TreeImage[];
  /** Why it is not known which masks are its own. */
  reason?: string;
}

export interface Pairs {
  pairs: Pair[];
  /** Masks of which there is no image. */
  lost: TreeImage[];
}

const WORD = "(?:masks?|segmentation|segmented|seg|gt|ground[ _-]?truth|annotation|label)";
const NUMBER = "(?:[ _-]*\\d{1,3})?";
/** a_mask, a (2)-mask_1. */
const AFTER = new RegExp(`^(.+?)[ _-]+${WORD}${NUMBER}$`, "i");
/** aMask, but not amask. */
const CAMEL = new RegExp(`^(.*[a-z0-9)])Mask${NUMBER}$`);
/** mask_a. */
const BEFORE = new RegExp(`^${WORD}[ _-]+(.+)$`, "i");
/** Test_Image_12, 12_img. */
const IMAGE_WORD = /^(?:.*[ _-])?(?:image|img)[ _-]+(.+)$|^(.+?)[ _-]+(?:image|img)$/i;

/** The stem of the image that a file named as a mask is of; undefined for other names. */
export const maskedStem = (stem: string): string | undefined =>
  (AFTER.exec(stem) ?? CAMEL.exec(stem) ?? BEFORE.exec(stem))?.[1];

/** Of m_1, where there may be i_1; undefined for other names. m may be for male or malignant where there is none. */
const imageStem = (stem: string): string | undefined => {
  const [, initial, rest] = /^(m)([ _-].+)$/i.exec(stem) ?? [];
  return rest === undefined ? undefined : `${initial === "m" ? "i" : "I"}${rest}`;
};

/** Pairs the images of a tree with its masks. */
export function findPairs(tree: Tree): Pairs {
  const all = imagesOf(tree, () => true);
  const folders = new Set(all.map(({ folder }) => folder));
  // Folders that are said to hold images hold nothing else, but for masks beside their images.
  const apart = new Set([...folders].filter(({ kind }) => kind === "marks").map(({ place }) => place));
  const stems = groupBy(all, ({ folder, stem }) => `${folder.path}\n${key(stem)}`);
  const isMask = ({ folder, stem }: TreeImage): boolean => {
    if (folder.kind === "marks") return true;
    if (stems.has(`${folder.path}\n${key(imageStem(stem) ?? "")}`)) return true;
    const of = maskedStem(stem);
    if (of === undefined) return false;
    // Beside the image that it is of.
    return stems.has(`${folder.path}\n${key(of)}`) || !apart.has(folder.place);
  };
  const images = all.filter((file) => !isMask(file));
  const masks = all.filter(isMask);
  const found = new Map<TreeImage, TreeImage[]>(images.map((image) => [image, []]));
  const byStem = groupBy(images, ({ folder, stem }) => `${folder.place}\n${key(stem)}`);
  const byCore = groupBy(images, ({ folder, stem }) => `${folder.place}\n${key(coreOf(stem))}`);
  const lost: TreeImage[] = [];
  const reasons = new Map<TreeImage, string>();
  for (const mask of masks) {
    const { place } = mask.folder;
    const of = maskedStem(mask.stem);
    const candidates = [
      mask.folder.kind === "marks" ? byStem.get(`${place}\n${key(mask.stem)}`) : undefined,
      of === undefined ? undefined : byStem.get(`${place}\n${key(of)}`),
      byStem.get(`${place}\n${key(imageStem(mask.stem) ?? "")}`),
      byCore.get(`${place}\n${key(coreOf(of ?? mask.stem))}`),
    ].find((images) => images !== undefined);
    if (!candidates) lost.push(mask);
    else if (candidates.length === 1) found.get(candidates[0]!)!.push(mask);
    else {
      for (const image of candidates) reasons.set(image, `its mask ${mask.file} may be of ${candidates.length} images`);
    }
  }
  return { pairs: images.map((image) => pairOf(image, found.get(image)!, reasons.get(image))), lost };
}

function pairOf(image: TreeImage, masks: TreeImage[], reason: string | undefined): Pair {
  const why =
    reason ?? (severalFaults(masks) ? `which is its mask: ${masks.map(({ file }) => file).join(", ")}?` : undefined);
  return { image, masks, ...(why === undefined ? {} : { reason: why }) };
}

/** Of several masks of an image all are named as such, one a number, and lie in one folder: else one of them is something else. */
function severalFaults(masks: readonly TreeImage[]): boolean {
  if (masks.length < 2) return false;
  return (
    new Set(masks.map(({ folder }) => folder)).size > 1 ||
    new Set(masks.map(({ stem }) => key(stem))).size < masks.length ||
    masks.some(({ stem }) => maskedStem(stem) === undefined)
  );
}

/** image_12 and mask_12 have the same. */
function coreOf(stem: string): string {
  const match = IMAGE_WORD.exec(stem);
  return match?.[1] ?? match?.[2] ?? stem;
}

/** Whether a file is named as a mask is. */
export const isNamedAsMask = (name: string): boolean =>
  IMAGE_FILE.test(name) && maskedStem(path.parse(name).name) !== undefined;
