/** Reads CVAT sets: annotations.xml with the images of the set. */
import { parseCvat } from "../readers/cvat.ts";
import { rootOf } from "../readers/xml.ts";
import type { Layout } from "./layout.ts";
import { begin } from "./marked-set.ts";
import { readLists } from "./listed-set.ts";
import { anyFile, hasImages } from "./recognise.ts";
import { readTree } from "./tree.ts";

export const cvat: Layout = {
  format: "cvat",
  shape: "CVAT for images 1.1: annotations.xml and images",
  targets: ["class", "tirads"],
  implies: ["classes"],
  async recognises(listing, look, peek, words) {
    const tree = await readTree(listing, look, words);
    return hasImages(tree) && anyFile(tree, /\.xml$/i, async (file) => rootOf(await peek(file)) === "annotations");
  },
  read: async (...args) =>
    readLists(await begin("cvat", ...args), { extension: /\.xml$/i, parse: parseCvat, numbers: true }),
};
