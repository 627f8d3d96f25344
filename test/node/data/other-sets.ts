/** Small data sets in the layouts of labelling tools and of folders, as people have them. */
import { encode, ultrasound } from "./images.ts";
import { jpeg, maskOf, nodule, png, vocXml, writeFiles } from "./sets.ts";

type Files = Record<string, string | Uint8Array>;
const CLASSES = ["benign", "malignant"] as const;
const SIZE = { width: 320, height: 240 };
export const classOf = (i: number) => CLASSES[i % 2]!;

export const maskPng = (i: number) =>
  maskOf([nodule(i)])
    .toColourspace("b-w")
    .png()
    .toBuffer();

export const greyPng = (i: number) => encode(ultrasound(i)).toColourspace("b-w").png().toBuffer();

/** Images 0 .. count - 1 by a name for each. */
const many = async (count: number, add: (files: Files, i: number) => Promise<void>): Promise<Files> => {
  const files: Files = {};
  for (let i = 0; i < count; i++) await add(files, i);
  return files;
};

export async function writeClasses(dir: string, count: number): Promise<void> {
  const files = await many(count, async (all, i) => {
    all[`${["train", "Test"][i % 4 < 2 ? 0 : 1]!}/${["benign", "Malignant"][i % 2]!}/${i}.png`] = await png(i);
  });
  files["train/normal/90.png"] = await png(90);
  writeFiles(dir, files);
}

export async function writeMasks(dir: string, count: number): Promise<void> {
  const files = await many(count, async (all, i) => {
    all[`images/${i}.png`] = await png(i);
    all[`masks/${i}.png`] = await maskPng(i);
  });
  const rows = Array.from({ length: count }, (_, i) => `${i}.png,${classOf(i)},p${i >> 1}\n`);
  files["labels.csv"] = `image_name,pathology,patient_id\n${rows.join("")}`;
  writeFiles(dir, files);
}

export async function writeTnScui(dir: string, count: number): Promise<void> {
  const files = await many(count, async (all, i) => {
    all[`image/${i}.PNG`] = await png(i);
    all[`mask/${i}.PNG`] = await maskPng(i);
  });
  files["train.csv"] = `ID,CATE\n${Array.from({ length: count }, (_, i) => `${i}.PNG,${i % 2}\n`).join("")}`;
  writeFiles(dir, files);
}

export async function writeVoc(dir: string, count: number): Promise<void> {
  writeFiles(
    dir,
    await many(count, async (all, i) => {
      all[`images/a${i}.jpg`] = await jpeg(i);
      all[`annotations/a${i}.xml`] = vocXml(`a${i}`, [{ name: classOf(i), box: nodule(i) }]).replace(
        "<width>718</width><height>500</height>",
        "<width>320</width><height>240</height>",
      );
    }),
  );
}

export const cocoFile = (indices: readonly number[], nameOf = (i: number) => `${i}.jpg`) => ({
  images: indices.map((i) => ({ id: 100 + i, file_name: nameOf(i), ...SIZE })),
  annotations: indices.map((i) => {
    const { x0, y0, x1, y1 } = nodule(i);
    return {
      id: i,
      image_id: 100 + i,
      category_id: 1 + (i % 2),
      bbox: [x0, y0, x1 - x0, y1 - y0],
      iscrowd: 0,
    } as object;
  }),
  categories: [
    { id: 2, name: "malignant", supercategory: "nodule" },
    { id: 1, name: "benign", supercategory: "nodule" },
  ],
});

/** As Roboflow exports: a file in each side's folder. */
export async function writeCoco(dir: string, count: number): Promise<void> {
  const sideOf = (i: number) => (i < count - 1 ? "train" : "valid");
  const files = await many(count, async (all, i) => void (all[`${sideOf(i)}/${i}.jpg`] = await jpeg(i)));
  for (const side of ["train", "valid"]) {
    const own = Array.from({ length: count }, (_, i) => i).filter((i) => sideOf(i) === side);
    files[`${side}/_annotations.coco.json`] = JSON.stringify(cocoFile(own));
  }
  writeFiles(dir, files);
}

/** class cx cy w h */
export const yoloLine = (i: number): string => {
  const { x0, y0, x1, y1 } = nodule(i);
  const share = [(x0 + x1) / 640, (y0 + y1) / 480, (x1 - x0) / 320, (y1 - y0) / 240];
  // In the names below 0 is malignant.
  return `${1 - (i % 2)} ${share.join(" ")}`;
};

export async function writeYolo(dir: string, count: number): Promise<void> {
  const files = await many(count, async (all, i) => {
    const side = i < count - 1 ? "train" : "valid";
    all[`${side}/images/${i}.jpg`] = await jpeg(i);
    all[`${side}/labels/${i}.txt`] = yoloLine(i);
  });
  files["data.yaml"] = "train: ../train/images\nval: ../valid/images\nnc: 2\nnames: ['Malignant', 'benign']\n";
  writeFiles(dir, files);
}

export const labelmeFile = (i: number, shape?: object) => {
  const { x0, y0, x1, y1 } = nodule(i);
  return {
    version: "5.4.1",
    flags: {},
    shapes: [
      shape ?? {
        label: classOf(i),
        shape_type: "polygon",
        points: [
          [x0, (y0 + y1) / 2],
          [(x0 + x1) / 2, y0],
          [x1, (y0 + y1) / 2],
          [(x0 + x1) / 2, y1],
        ],
      },
    ],
    imagePath: `${i}.jpg`,
    imageData: "AAAA",
    imageWidth: SIZE.width,
    imageHeight: SIZE.height,
  };
};

export async function writeLabelme(dir: string, count: number): Promise<void> {
  writeFiles(
    dir,
    await many(count, async (all, i) => {
      all[`${i}.jpg`] = await jpeg(i);
      all[`${i}.json`] = JSON.stringify(labelmeFile(i));
    }),
  );
}

export const cvatXml = (images: readonly string[]): string =>
  `<?xml version="1.0" encoding="utf-8"?>\n<annotations><version>1.1</version><meta><task><name>t</name></task></meta>\n${images.join("\n")}\n</annotations>\n`;

export const cvatImage = (name: string, inner: string): string =>
  `  <image id="0" name="${name}" width="320" height="240">${inner}</image>`;

export const cvatBox = (i: number, label = classOf(i) as string, more = ""): string => {
  const { x0, y0, x1, y1 } = nodule(i);
  return `<box label="${label}" occluded="0" xtl="${x0}.00" ytl="${y0}" xbr="${x1}" ybr="${y1}" z_order="0"${more}></box>`;
};

export async function writeCvat(dir: string, count: number): Promise<void> {
  const files = await many(count, async (all, i) => void (all[`images/${i}.jpg`] = await jpeg(i)));
  files["annotations.xml"] = cvatXml(Array.from({ length: count }, (_, i) => cvatImage(`${i}.jpg`, cvatBox(i))));
  writeFiles(dir, files);
}

export const otherWriters: Record<string, (dir: string, count: number) => Promise<unknown>> = {
  "tn-scui": writeTnScui,
  coco: writeCoco,
  cvat: writeCvat,
  labelme: writeLabelme,
  voc: writeVoc,
  yolo: writeYolo,
  masks: writeMasks,
  classes: writeClasses,
};
