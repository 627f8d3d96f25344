/** Reads COCO sets: JSON annotation files at the top, in annotations/ or in the image folders. */
import { topKeys } from "../readers/json.ts";
import { parseCoco } from "../readers/coco.ts";
import type { Dataset } from "../sample.ts";
import type { Layout, Listing, Look, ReadContext, SetFiles } from "./layout.ts";
import { begin } from "./marked-set.ts";
import { readLists } from "./listed-set.ts";
import { anyFile, hasImages } from "./recognise.ts";
import { readTree } from "./tree.ts";

const isCoco = (beginning: string): boolean => {
  const keys = topKeys(beginning) ?? [];
  return !keys.includes("shapes") && ["images", "annotations", "categories"].some((key) => keys.includes(key));
};

export const coco: Layout = {
  format: "coco",
  shape: "COCO: annotations/*.json or _annotations.coco.json, and images",
  targets: ["class", "tirads"],
  implies: ["classes"],
  async recognises(listing, look, peek, words) {
    const tree = await readTree(listing, look, words);
    return hasImages(tree) && anyFile(tree, /\.json$/i, async (file) => isCoco(await peek(file)));
  },
  read,
};

async function read(set: SetFiles, listing: Listing, options: ReadContext, look: Look): Promise<Dataset> {
  // A category without a class is often named by its number.
  return readLists(await begin("coco", set, listing, options, look), {
    extension: /\.json$/i,
    parse: parseCoco,
    numbers: false,
  });
}
