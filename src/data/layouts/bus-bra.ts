/** Reads BUS-BRA's folder: Images/bus_0001-l.png, Masks/mask_0001-l.png, bus_data.csv, 5-fold-cv.csv. */
import { type BusBraRow, parseBusData, parseBusFolds } from "../readers/bus-bra.ts";
import { type Dataset, DataError, type Sample, reasonOf } from "../sample.ts";
import { Collector, groupBy, imagesByStem } from "./collect.ts";
import type { Layout, Listing, Look, ReadContext, SetFiles } from "./layout.ts";
import { nodulesOfMasks } from "./masks.ts";

const DATA = "bus_data.csv";
const FOLDS = "5-fold-cv.csv";

export const busBra: Layout = {
  format: "bus-bra",
  shape: `Images/, Masks/ and ${DATA}`,
  recognises: ({ files, folders }) => files.includes(DATA) && folders.includes("Images"),
  read,
};

async function read(set: SetFiles, listing: Listing, options: ReadContext, look: Look): Promise<Dataset> {
  const collect = new Collector("bus-bra", set, options);
  const data = await collect.text(DATA).catch((error: unknown) => {
    throw new DataError(`${collect.file(DATA)}: ${reasonOf(error)}`);
  });
  const { rows, hasPatients } = naming(collect.file(DATA), () =>
    parseBusData(data, collect.badLine(DATA), collect.words),
  );
  if (!hasPatients) collect.note(`${DATA} has no column Case: the number in each ID counts as its patient`);
  const folds = listing.files.includes(FOLDS)
    ? await collect.parsed(FOLDS, (text) => parseBusFolds(text, collect.badLine(FOLDS)))
    : undefined;
  const images = imagesByStem((await look("Images")).files);
  const masks = imagesByStem((await look("Masks")).files);
  const unique = once(rows, collect);
  const dataset = await collect.each(
    unique,
    ({ id }) => `Images/${images.get(id) ?? `${id}.png`}`,
    async ({ id, label, patient }, remarks): Promise<Sample> => {
      const image = images.get(id);
      if (image === undefined) throw new DataError(`${DATA} names it, but it is missing`);
      const mask = masks.get(`mask${id.slice(3)}`);
      if (mask === undefined) throw new DataError("its mask is missing");
      const file = collect.file(`Images/${image}`);
      const nodules = await nodulesOfMasks(
        [{ name: mask, file: collect.file(`Masks/${mask}`) }],
        await set.imageSize(file),
        remarks,
      );
      const fold = folds?.get(id);
      return { id, file, group: patient, label, ...nodules, ...(fold === undefined ? {} : { fold }) };
    },
  );
  const named = new Set(rows.map(({ id }) => id));
  for (const [id, file] of images) if (!named.has(id)) collect.skip(`Images/${file}`, `${DATA} does not name it`);
  return dataset;
}

/** The rows with a unique ID: of two with the same one, neither can be trusted. */
function once(rows: readonly BusBraRow[], collect: Collector): BusBraRow[] {
  const groups = groupBy(rows, ({ id }) => id);
  return [...groups.values()].flatMap((same) => {
    if (same.length === 1) return same;
    collect.skip(DATA, `has ${same.length} rows of ${same[0]!.id}, which is left out`);
    return [];
  });
}

/** Runs `parse`, adding the file's name to its error. */
function naming<T>(file: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    throw new DataError(`${file}: ${reasonOf(error)}`);
  }
}
