/** Small data sets for tests, in exactly the layouts of the public ones. */
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import sharp from "sharp";
import type { Box } from "../../../src/data/sample.ts";
import { encode, ultrasound, writeDdti } from "./images.ts";

/** Where the nodule of each image lies; the images are 320 x 240. */
export const nodule = (i: number): Box => ({ x0: 100 + i, y0: 80, x1: 160 + i, y1: 120 });

const SIZE = { width: 320, height: 240 };

/** Writes files below a folder: path -> content. */
export function writeFiles(dir: string, files: Record<string, string | Uint8Array>): void {
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(dir, name)), { recursive: true });
    writeFileSync(path.join(dir, name), content);
  }
}

const pictures = new Map<string, Promise<Buffer>>();
const picture = (format: "jpeg" | "png") => async (i: number) => {
  const name = `${i}.${format}`;
  const encoded = pictures.get(name) ?? encode(ultrasound(i)).toColourspace("srgb")[format]().toBuffer();
  pictures.set(name, encoded);
  return Buffer.from(await encoded);
};
export const jpeg = picture("jpeg");
export const png = picture("png");

/** A mask that is white inside the boxes. */
export function maskOf(boxes: readonly Box[], { width, height } = SIZE) {
  const grey = new Uint8Array(width * height);
  for (const { x0, y0, x1, y1 } of boxes) {
    for (let y = y0; y < y1; y++) grey.fill(255, y * width + x0, y * width + x1);
  }
  return encode({ width, height, grey });
}

/** A mask of 1 bit a pixel, as BUSI's are. */
export const bitMask = (boxes: readonly Box[]) =>
  maskOf(boxes).toColourspace("b-w").png({ palette: true, colours: 2 }).toBuffer();

export const vocXml = (id: string, objects: readonly { name: string; box: Box }[]): string => `<annotation>
  <filename>${id}.jpg</filename>
  <size><width>320</width><height>240</height><depth>3</depth></size>
${objects
  .map(
    ({ name, box: { x0, y0, x1, y1 } }) =>
      `  <object><name>${name}</name><bndbox><xmin>${x0}</xmin><ymin>${y0}</ymin><xmax>${x1}</xmax><ymax>${y1}</ymax></bndbox></object>`,
  )
  .join("\n")}
</annotation>
`;

/** Images 000001 .., classes 0 1 0 1 .., 4 to train on, 1 to choose by, the rest for the test. */
export async function writeTn5000(dir: string, count: number): Promise<void> {
  const files: Record<string, string | Uint8Array> = {};
  const ids = Array.from({ length: count }, (_, i) => String(i + 1).padStart(6, "0"));
  for (const [i, id] of ids.entries()) {
    files[`JPEGImages/${id}.jpg`] = await jpeg(i);
    files[`Annotations/${id}.xml`] = vocXml(id, [{ name: String(i % 2), box: nodule(i) }]);
  }
  const lines = (part: string[]) => part.map((id) => `${id}\n`).join("");
  files["ImageSets/Main/train.txt"] = lines(ids.slice(0, 4));
  files["ImageSets/Main/val.txt"] = lines(ids.slice(4, 5));
  files["ImageSets/Main/trainval.txt"] = lines(ids.slice(0, 5));
  files["ImageSets/Main/test.txt"] = lines(ids.slice(5));
  writeFiles(dir, files);
}

/** `count` trainval images, two folds of them, and two test images; classes 0 1 0 1 .. */
export async function writeTn3k(dir: string, count: number): Promise<void> {
  const files: Record<string, string | Uint8Array> = {};
  const numbers = Array.from({ length: count }, (_, i) => i);
  for (const [part, n, first] of [
    ["trainval", count, 0],
    ["test", 2, 50],
  ] as const) {
    for (let i = 0; i < n; i++) {
      const name = `${String(i).padStart(4, "0")}.jpg`;
      files[`${part}-image/${name}`] = await jpeg(first + i);
      files[`${part}-mask/${name}`] = await maskOf([nodule(i)])
        .jpeg({ quality: 75 })
        .toBuffer();
    }
    files[`label4${part}.csv`] = Array.from(
      { length: n },
      (_, i) => `${String(i).padStart(4, "0")}.jpg,${i % 2}\n`,
    ).join("");
  }
  for (const k of [0, 1]) {
    const fold = { val: numbers.filter((n) => n % 2 === k), train: numbers.filter((n) => n % 2 !== k) };
    files[`tn3k-trainval-fold${k}.json`] = JSON.stringify(fold);
  }
  writeFiles(dir, files);
}

/** `count` benign and malignant images each, one normal; the first benign one has a second mask. */
export async function writeBusi(dir: string, count: number, apart = false): Promise<void> {
  const files: Record<string, string | Uint8Array> = {};
  const place = (kind: string, below: string) => (apart ? `${kind}/${below}` : kind);
  for (const [k, kind] of ["benign", "malignant"].entries()) {
    for (let i = 1; i <= count; i++) {
      files[`${place(kind, "images")}/${kind} (${i}).png`] = await png(20 * k + i);
      files[`${place(kind, "mask")}/${kind} (${i})_mask.png`] = await bitMask([nodule(i)]);
    }
  }
  files[`${place("benign", "mask")}/benign (1)_mask_1.png`] = await bitMask([{ x0: 200, y0: 150, x1: 240, y1: 190 }]);
  files[`${place("normal", "images")}/normal (1).png`] = await png(60);
  const black = { create: { ...SIZE, channels: 3, background: "#000000" } } as const;
  files[`${place("normal", "mask")}/normal (1)_mask.png`] = await sharp(black).png().toBuffer();
  writeFiles(dir, files);
}

/** `count` patients with a left and a right image each, in 5 folds. */
export async function writeBusBra(dir: string, count: number): Promise<void> {
  const files: Record<string, string | Uint8Array> = {};
  const rows: string[] = [];
  const folds: string[] = [];
  for (let i = 0; i < 2 * count; i++) {
    const patient = (i >> 1) + 1;
    const id = `bus_${String(patient).padStart(4, "0")}-${i % 2 === 0 ? "l" : "r"}`;
    files[`Images/${id}.png`] = await encode(ultrasound(i)).toColourspace("b-w").png().toBuffer();
    files[`Masks/mask${id.slice(3)}.png`] = await maskOf([nodule(i)])
      .toColourspace("b-w")
      .png()
      .toBuffer();
    rows.push(`${id},${patient},"Ductal, invasive",${patient % 2 === 0 ? "malignant" : "benign"},4\n`);
    folds.push(`${id},${(patient % 5) + 1}\n`);
  }
  files["bus_data.csv"] = `ID,Case,Histology,Pathology,BIRADS\n${rows.join("")}`;
  files["5-fold-cv.csv"] = `ID,kFold\n${folds.join("")}`;
  writeFiles(dir, files);
}

/** `count` images of `count` / 2 patients with boxes in a manifest. */
export async function writeManifestSet(dir: string, count: number, kind: "csv" | "jsonl" = "csv"): Promise<void> {
  const files: Record<string, string | Uint8Array> = {};
  const lines: string[] = [];
  for (let i = 0; i < count; i++) {
    files[`img/${i}.png`] = await png(i);
    const { x0, y0, x1, y1 } = nodule(i);
    const patient = `p${i >> 1}`;
    const split = i < count - 2 ? "train" : "val";
    if (kind === "csv")
      lines.push(`img/${i}.png,${["benign", "malignant"][i % 2]},${x0} ${y0} ${x1} ${y1},,${patient},${split}`);
    else lines.push(JSON.stringify({ image: `img/${i}.png`, label: i % 2, boxes: [[x0, y0, x1, y1]], patient, split }));
  }
  if (kind === "csv") lines.unshift("image,label,boxes,mask,patient,split");
  files[`manifest.${kind}`] = `${lines.join("\n")}\n`;
  writeFiles(dir, files);
}

export const writers: Record<string, (dir: string, count: number) => Promise<unknown>> = {
  ddti: writeDdti,
  tn5000: writeTn5000,
  tn3k: writeTn3k,
  busi: writeBusi,
  "bus-bra": writeBusBra,
  manifest: writeManifestSet,
};
