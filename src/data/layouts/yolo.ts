/** Reads YOLO sets: `<image>.txt` in labels/ beside images/, or beside the image; class names in data.yaml or classes.txt. */
import { parseYoloData, parseYoloLabels, type YoloData } from "../readers/yolo.ts";
import { DataError, type Dataset, reasonOf } from "../sample.ts";
import type { Layout, Listing, Look, ReadContext, SetFiles } from "./layout.ts";
import { begin, readBeside, type Reading } from "./marked-set.ts";
import { anyFile } from "./recognise.ts";
import { ImageIndex, imagesOf, join, readTree } from "./tree.ts";
import { sidesOfYaml } from "./yolo-sides.ts";

const YAML = /\.ya?ml$/i;
/** Class names, one per line, as labelling tools write them. */
const LIST = /^(?:classes\.txt|obj\.names|_darknet\.labels)$/i;
/** Text files that are not labels. */
const OTHER = /^(?:classes|train|val|valid|test|notes|readme.*|license.*|.*requirements)\.txt$/i;
const MAX_YAML_BYTES = 2 ** 20;

export const yolo: Layout = {
  format: "yolo",
  shape: "YOLO: images/ and labels/ with a .txt for each image, data.yaml",
  targets: ["class", "tirads"],
  implies: ["classes"],
  async recognises(listing, look, peek, words) {
    const tree = await readTree(listing, look, words);
    const index = new ImageIndex(imagesOf(tree));
    if (index.all.length === 0) return false;
    for (const { files, place } of tree.folders) {
      if (
        files.some(
          (name) => /\.txt$/i.test(name) && !OTHER.test(name) && index.ofStem(place, name.slice(0, -4)).length > 0,
        )
      ) {
        // A class number and at least four more numbers.
        return anyFile(tree, /\.txt$/i, async (file) => /^\s*\d+(?:[ \t]+[-+.\deE]+){4,}\s*$/m.test(await peek(file)));
      }
    }
    return false;
  },
  read,
};

async function read(set: SetFiles, listing: Listing, options: ReadContext, look: Look): Promise<Dataset> {
  const reading = await begin("yolo", set, listing, options, look);
  const data = await readData(reading);
  const names = data?.names;
  const sides = data ? await sidesOfYaml(reading, data.file, data) : new Map();
  return readBeside(reading, {
    ...(sides.size > 0 ? { sides } : {}),
    isList: (file) =>
      data?.sides.some(([, written]) => written.some((w) => w.replaceAll("\\", "/").split("/").at(-1) === file)) ??
      false,
    extension: /\.txt$/i,
    except: OTHER,
    relative: true,
    // A numeric name is an index into the list.
    numbers: false,
    parse(text) {
      const objects = parseYoloLabels(text);
      if (objects.length === 0) throw new DataError("no nodule is marked: it is empty");
      return {
        notes: [],
        objects: objects.map(({ index, ...place }) => {
          if (names && !names.has(index)) throw new DataError(`has the class ${index}, which is not named`);
          return { name: names?.get(index), ...place };
        }),
      };
    },
  });
}

/** The content of data.yaml, or a list of names; undefined, with a note, if there is none that can be trusted. */
async function readData({ collect, tree }: Reading): Promise<(YoloData & { file: string }) | undefined> {
  const found: (YoloData & { file: string })[] = [];
  for (const folder of tree.folders) {
    for (const name of folder.files.filter((f) => YAML.test(f) || LIST.test(f))) {
      const file = join(folder, name);
      try {
        const text = await collect.text(file, MAX_YAML_BYTES);
        found.push({ file, ...(YAML.test(name) ? parseYoloData(text) : { names: listed(text), sides: [] }) });
      } catch (error) {
        collect.skip(file, reasonOf(error));
      }
    }
  }
  // A data.yaml says more than a list of names.
  found.sort((a, b) => Number(b.sides.length > 0) - Number(a.sides.length > 0));
  const [first, ...others] = found;
  if (!first) {
    collect.note("there is no data.yaml with names: the classes are not known");
    return undefined;
  }
  const namesOf = ({ names }: YoloData) => JSON.stringify([...names].sort(([a], [b]) => a - b));
  const other = others.find((o) => namesOf(o) !== namesOf(first));
  if (other) {
    collect.note(`${first.file} and ${other.file} name the classes differently: they are not known`);
    return undefined;
  }
  const sidesIn = ({ sides }: YoloData) => JSON.stringify(sides);
  const split = others.find((o) => o.sides.length > 0 && sidesIn(o) !== sidesIn(first));
  if (split) collect.note(`${first.file} and ${split.file} give different splits: neither is used`);
  const list = [...first.names].map(([i, name]) => `${i} is ${name.slice(0, 40)}`);
  collect.note(`classes of ${first.file}: ${list.slice(0, 12).join(", ")}`);
  return split ? { ...first, sides: [] } : first;
}

function listed(text: string): Map<number, string> {
  const names = text.split(/\r\n|\r|\n/).map((line) => line.trim());
  while (names.at(-1) === "") names.pop();
  if (names.length === 0 || names.includes("")) throw new DataError("names no classes");
  return new Map(names.map((name, i) => [i, name]));
}
