/** Reads any Pascal VOC set: `<image>.xml` beside the image, or in a folder such as annotations/ beside images/. */
import { parseVoc } from "../readers/voc.ts";
import { rootOf } from "../readers/xml.ts";
import type { Layout } from "./layout.ts";
import { begin, readBeside } from "./marked-set.ts";
import { anyFile, hasImages } from "./recognise.ts";
import { readTree } from "./tree.ts";

export const voc: Layout = {
  format: "voc",
  shape: "Pascal VOC: an .xml for each image, beside it or in annotations/",
  targets: ["class", "tirads"],
  implies: ["classes"],
  async recognises(listing, look, peek, words) {
    const tree = await readTree(listing, look, words);
    return (
      hasImages(tree) &&
      anyFile(tree, /\.xml$/i, async (file) => rootOf(await peek(file))?.toLowerCase() === "annotation")
    );
  },
  read: async (...args) => readBeside(await begin("voc", ...args), { extension: /\.xml$/i, parse: parseVoc }),
};
