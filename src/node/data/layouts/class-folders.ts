/**
 * A folder for each class and nothing that says where the nodules are: `benign/`, `train/Malignant/`. Its images have no
 * outlines; they serve to evaluate a network, or to train one without masks.
 */
import { DataError, type Dataset, type Sample } from "../../../data/sample.ts";
import { imageSize } from "../decode.ts";
import type { Layout, Listing, Look, ReadOptions } from "./layout.ts";
import { readTables } from "./class-tables.ts";
import { agreed, begin, finish, sideOf } from "./marked-set.ts";
import { isNamedAsMask } from "./pairs.ts";
import { imagesOf, labelOf, readTree } from "./tree.ts";

export const classFolders: Layout = {
  format: "classes",
  shape: "benign/ and malignant/, or train/benign/ .., with images only: no outlines",
  async recognises(listing, look) {
    const tree = await readTree(listing, look);
    return imagesOf(tree).some(({ folder, name }) => labelOf(folder) !== undefined && !isNamedAsMask(name));
  },
  read,
};

async function read(dir: string, listing: Listing, options: ReadOptions, look: Look): Promise<Dataset> {
  const reading = await begin("classes", dir, listing, options, look);
  const { collect, tree } = reading;
  const tables = await readTables(reading);
  const dataset = await collect.each(
    imagesOf(tree),
    ({ file }) => file,
    async (image, remarks): Promise<Sample> => {
      const { file: id, name, folder } = image;
      if (folder.kindOfTissue === "normal") throw new DataError("shows normal tissue: there is no nodule to classify");
      if (folder.kindOfTissue === "both") throw new DataError("lies in folders of both classes");
      const inFolder = labelOf(folder);
      if (inFolder === undefined) throw new DataError("lies in no folder of a class");
      if (isNamedAsMask(name)) throw new DataError("is named as a mask is");
      const file = collect.file(id);
      await imageSize(file);
      const { label: listed, patient } = tables.of(image);
      const what = { marks: "table", folder: "folder" };
      const label = agreed(listed, inFolder, (text) => remarks.note(text), what);
      const group = patient === undefined ? id : `patient ${patient}`;
      return { id, file, group, label, boxes: [], ...sideOf(folder.side) };
    },
  );
  collect.note("no outlines: these images serve to evaluate, or to train a network that uses no mask");
  return finish(reading, dataset);
}
