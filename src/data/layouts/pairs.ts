/**
 * Pairs images with masks of the same name: in folders such as images/ and masks/ (sides and classes above, below or joined to
 * them), or `a.png` and `a_mask.png` beside each other.
 */
import { groupBy, IMAGE_FILE } from "./collect.ts";
import { bareOf } from "./names.ts";
import { imagesOf, key, type Tree, type TreeImage } from "./tree.ts";

export interface Pair {
  image: TreeImage;
  masks: TreeImage[];
  /** Why it is unclear which masks belong to it. */
  reason?: string;
}

export interface Pairs {
  pairs: Pair[];
  /** Masks without an image. */
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

/** The image stem that a mask's name refers to; undefined for other names. */
export const maskedStem = (stem: string): string | undefined =>
  (AFTER.exec(stem) ?? CAMEL.exec(stem) ?? BEFORE.exec(stem))?.[1];

/** The stem i_1 for m_1; undefined for other names. Without such an image, m may stand for male or malignant. */
const imageStem = (stem: string): string | undefined => {
  const [, initial, rest] = /^(m)([ _-].+)$/i.exec(stem) ?? [];
  return rest === undefined ? undefined : `${initial === "m" ? "i" : "I"}${rest}`;
};

/** Pairs the images of a tree with its masks. */
export function findPairs(tree: Tree): Pairs {
  const all = imagesOf(tree, () => true);
  const folders = new Set(all.map(({ folder }) => folder));
  // Folders named for images hold only images, except for masks beside their images.
  const apart = new Set([...folders].filter(({ kind }) => kind === "marks").map(({ place }) => place));
  const stems = groupBy(all, ({ folder, stem }) => `${folder.path}\n${key(stem)}`);
  const isMask = ({ folder, stem }: TreeImage): boolean => {
    if (folder.kind === "marks") return true;
    if (stems.has(`${folder.path}\n${key(imageStem(stem) ?? "")}`)) return true;
    const of = maskedStem(stem);
    if (of === undefined) return false;
    // Beside its image.
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
      for (const image of candidates)
        reasons.set(image, `its mask ${mask.file} may belong to ${candidates.length} images`);
    }
  }
  return { pairs: images.map((image) => pairOf(image, found.get(image)!, reasons.get(image))), lost };
}

function pairOf(image: TreeImage, masks: TreeImage[], reason: string | undefined): Pair {
  const why =
    reason ?? (severalFaults(masks) ? `which is its mask: ${masks.map(({ file }) => file).join(", ")}?` : undefined);
  return { image, masks, ...(why === undefined ? {} : { reason: why }) };
}

/** Several masks of an image must all be named so, with one number each, in one folder: otherwise one is something else. */
function severalFaults(masks: readonly TreeImage[]): boolean {
  if (masks.length < 2) return false;
  return (
    new Set(masks.map(({ folder }) => folder)).size > 1 ||
    new Set(masks.map(({ stem }) => key(stem))).size < masks.length ||
    masks.some(({ stem }) => maskedStem(stem) === undefined)
  );
}

/** The part of a stem that image_12 and mask_12 share. */
function coreOf(stem: string): string {
  const match = IMAGE_WORD.exec(stem);
  return match?.[1] ?? match?.[2] ?? stem;
}

/** Whether a file is named like a mask. */
export const isNamedAsMask = (name: string): boolean => IMAGE_FILE.test(name) && maskedStem(bareOf(name)) !== undefined;
