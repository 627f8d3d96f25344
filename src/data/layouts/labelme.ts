/** Reads labelme sets: `<image>.json` beside the image, or in an annotation folder beside images/. */
import { topKeys } from "../readers/json.ts";
import { parseLabelme } from "../readers/labelme.ts";
import type { Layout } from "./layout.ts";
import { begin, readBeside } from "./marked-set.ts";
import { anyFile, hasImages } from "./recognise.ts";
import { readTree } from "./tree.ts";

export const labelme: Layout = {
  format: "labelme",
  shape: "a .json of labelme for each image, beside it or in annotations/",
  targets: ["class", "tirads"],
  implies: ["classes"],
  async recognises(listing, look, peek, words) {
    const tree = await readTree(listing, look, words);
    const is = async (file: string) => topKeys(await peek(file))?.includes("shapes") ?? false;
    return hasImages(tree) && anyFile(tree, /\.json$/i, is);
  },
  read: async (...args) => readBeside(await begin("labelme", ...args), { extension: /\.json$/i, parse: parseLabelme }),
};
