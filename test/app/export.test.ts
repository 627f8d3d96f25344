/** Exported annotations, read back by the readers of data sets: the same, as far as the format can hold them, and what it loses is said. */
import { unzipSync } from "fflate";
import { describe, expect, test } from "vitest";
import { filesOf, packed } from "../../app/project/export/export.ts";
import { exportFormats, type ExportFormat } from "../../app/project/export/formats.ts";
import { exportedImages, maskOf, type ExportedFiles, type ExportedImage } from "../../app/project/export/image.ts";
import { lossesOf } from "../../app/project/export/read-back.ts";
import type { Project, ProjectImage } from "../../app/project/project.ts";
import { benignMalignant } from "../../src/data/classes.ts";
import { components, runsOf } from "../../src/data/components.ts";
import { openSet, type OpenOptions } from "../../src/data/open-set.ts";
import { patientOf } from "../../src/data/patient.ts";
import type { Classes, Sample, Shape } from "../../src/data/sample.ts";
import { ellipsePolygon, shapeMask } from "../../src/data/shape.ts";
import { encode } from "../node/data/images.ts";
import { memorySet } from "../support/memory-set.ts";

const SIZE = { width: 120, height: 90 };
const box = { x0: 10, y0: 12.5, x1: 40.25, y1: 60 };
const other = { x0: 70, y0: 20, x1: 110, y1: 50 };

const image = (path: string, more: Partial<ProjectImage> = {}): ProjectImage => ({
  ...{ id: path, file: `${path.length}.png`, path, ...SIZE, cropped: false, fold: null, notes: [] },
  ...{ label: 0, boxes: [box], empty: false, patient: "", side: null, outlined: false },
  ...more,
});
const projectOf = (images: ProjectImage[], classes: Classes = benignMalignant): Project => ({
  ...{ format: "mganet-project-1", name: "mine", source: { kind: "files" }, left: [], notes: [], twins: [] },
  ...{ images, classes },
});

const picture = await encode({ ...SIZE, grey: new Uint8Array(SIZE.width * SIZE.height).map((_, i) => i % 251) })
  .png()
  .toBuffer();

const exportOf = async (
  project: Project,
  format: ExportFormat,
  shapes: Record<string, Shape> = {},
  withPictures = false,
) => {
  const images = exportedImages(project, withPictures, ({ id }) => shapes[id]);
  return { images, files: await filesOf(format, images, project.classes) };
};

/** The files in a zip. */
async function bytesOf(files: ExportedFiles): Promise<Uint8Array> {
  const { signal } = new AbortController();
  const { blob } = await packed(files, {
    names: [],
    read: () => Promise.reject(new Error()),
    signal,
    onProgress: () => {},
  });
  return new Uint8Array(await blob.arrayBuffer());
}

/** The files beside the pictures, dropped on the page. */
async function readBack(
  { images, files }: Awaited<ReturnType<typeof exportOf>>,
  options: OpenOptions = {},
): Promise<Map<string, Sample & { className: string | undefined }>> {
  const pictures = images.map(({ picture: name }) => [`set/${name}`, new Uint8Array(picture)] as const);
  const added = Object.entries(unzipSync(await bytesOf(files))).map(
    ([name, content]) => [`set/${name}`, new Uint8Array(content)] as const,
  );
  const { samples, classes } = await openSet(memorySet(Object.fromEntries([...pictures, ...added])), options);
  return new Map(
    samples.map((sample) => {
      const className = sample.label === undefined ? undefined : classes.names[sample.label];
      return [sample.file.replace(/^set\//, ""), { ...sample, className }];
    }),
  );
}

const formats = exportFormats.map(({ format }) => format);
const losses = ({ images, files }: Awaited<ReturnType<typeof exportOf>>, classes = benignMalignant) =>
  lossesOf(files, images, classes);

const hostile = [
  image("<img src=x onerror=alert(1)>.png", { patient: '<b>"7"</b>', side: "train" }),
  image("images/with blanks, comma; and 'quotes'.png", { label: 1, boxes: [box, other], patient: "Müller & Söhne" }),
  image("images/e\u0301-decomposed.png", { label: null, patient: "12" }),
  image("images/\u00fc-composed.jpg", { label: 1, side: "test", patient: "12" }),
  image("images/a/1.png", { patient: "a" }),
  image("images/b/1.png", { label: 1, patient: "b", boxes: [other] }),
  image("images/=1+1.png", { side: "val", boxes: [{ x0: 0, y0: 0, x1: 120, y1: 90 }] }),
  image("images/99%&amp;.png", { boxes: [{ x0: 1.123457, y0: 2, x1: 33.333333, y1: 44.5 }] }),
];

describe.each(formats)("%s", (format) => {
  test("is read back: boxes, classes, patients and sides, under names with HTML, blanks, quotes, accents and twice", async () => {
    const project = projectOf(hostile);
    const exported = await exportOf(project, format);
    const read = await readBack(exported);
    for (const { path, label, boxes, patient, side } of hostile) {
      const sample = read.get(path);
      expect(sample, path).toBeDefined();
      expect(sample!.className, path).toBe(label === null ? undefined : benignMalignant.names[label]);
      expect([patientOf(sample!) ?? "", sample!.side ?? null], path).toEqual([patient, side]);
      expect(sample!.boxes, path).toHaveLength(boxes.length);
      boxes.forEach(({ x0, y0, x1, y1 }, i) => {
        const found = sample!.boxes[i]!;
        [found.x0 - x0, found.y0 - y0, found.x1 - x1, found.y1 - y1].forEach((d) => expect(d).toBeCloseTo(0, 5));
      });
    }
    expect(await losses(exported)).toEqual([]);
  });

  test("of classes with other names is read back if they are named, and says so", async () => {
    const classes = { names: ["normal", "Zyste", "solid"], positive: 1 };
    const images = [0, 1, 2, 0, 1, 2].map((label, i) => image(`${i}.png`, { label }));
    const exported = await exportOf(projectOf(images, classes), format);
    const read = await readBack(exported, { classes: classes.names, positive: "Zyste" });
    expect([...read.values()].map(({ className }) => className)).toEqual(
      images.map(({ label }) => classes.names[label!]),
    );
    const said = await losses(exported, classes);
    expect(said.join("; ")).toContain("--classes normal,Zyste,solid");
  });

  test("says what it loses", async () => {
    const mask = Uint8Array.from({ length: 120 * 90 }, (_, i) => (i % 120 < 40 && i < 120 * 30 ? 1 : 0));
    const images = [
      image("whole.png"),
      image("bare.png", { boxes: [], label: 1 }),
      image("none.png", { boxes: [], empty: true }),
      image("loop.dcm#2", { file: "3.dcm#2", patient: "p" }),
      image("loop.dcm#3", { file: "3.dcm#3", patient: "p" }),
      image("folded.png", { fold: 2, cropped: true }),
      image("shaped.png", { outlined: true }),
    ];
    const shapes = { "shaped.png": [{ runs: runsOf(components(mask, 120, 90)) }] };
    const exported = await exportOf(projectOf(images), format, shapes);
    const said = await losses(exported);
    const all = "what is said of images on which nothing is marked: 1 image";
    if (format.startsWith("manifest")) expect(said).toEqual([all]);
    else {
      expect(said.sort()).toEqual(
        [
          ...[all, "that there is no nodule on 1 image", "all that is said of 2 images", "the fold of 1 image"],
          ...["that they show tissue alone, of 1 image", "the true outline of 1 image"],
        ].sort(),
      );
    }
  });

  test("lies beside its pictures in a zip, each picture once, whatever the format", async () => {
    const images = [
      image("a.png"),
      image("../up.png"),
      image("..\\b.png"),
      ...[1, 2].map((n) => image(`l.gif#${n}`, { file: `7.gif#${n}` })),
    ];
    const exported = await exportOf(projectOf(images), format, {}, true);
    const names = [...new Set(exported.images.map(({ picture: name }) => name))];
    const controller = new AbortController();
    const { signal } = controller;
    const read = (name: string) => Promise.resolve(new TextEncoder().encode(`bytes of ${name}`));
    const seen: number[] = [];
    const onProgress = (done: number) => void seen.push(done);
    const { name, blob } = await packed(exported.files, { names, read, signal, onProgress });
    expect([name, seen]).toEqual([undefined, [1, 2, 3, 4]]);
    const files = unzipSync(new Uint8Array(await blob.arrayBuffer()));
    expect(Object.keys(files).sort()).toEqual([...names, ...exported.files.keys()].sort());
    expect(Object.keys(files).filter((file) => /^\/|\.\.[\\/]|\\/.test(file))).toEqual([]);
    expect(new TextDecoder().decode(files["images/a.png"])).toBe("bytes of images/a.png");
    expect((await readBack(exported)).get("images/a.png")?.boxes).toEqual([box]);
    controller.abort(new Error("enough"));
    await expect(packed(exported.files, { names, read, signal, onProgress })).rejects.toThrow("enough");
  });
});

describe("true outlines", () => {
  const whole = { x0: 0, y0: 0, ...{ x1: SIZE.width, y1: SIZE.height } };
  const pixels = (shape: Shape) => shapeMask(shape, whole, SIZE.width, SIZE.height);
  const boxes = [
    { x0: 10, y0: 10, x1: 50, y1: 40 },
    { x0: 60, y0: 40, x1: 100, y1: 80 },
  ];
  const ellipses = boxes.map((of) => ellipsePolygon(of));
  const mask = pixels(ellipses.map((polygon) => ({ polygon })));
  const shapes: Record<string, Shape> = {
    "runs.png": [{ runs: runsOf(components(mask, SIZE.width, SIZE.height)) }],
    "polygons.png": [...ellipses].reverse().map((polygon) => ({ polygon })),
  };
  const images = Object.keys(shapes).map((path) => image(path, { boxes, outlined: true }));

  test.each(["manifest", "manifest-json", "coco"] as const)("are in %s, pixel by pixel", async (format) => {
    const exported = await exportOf(projectOf(images), format, shapes);
    const read = await readBack(exported);
    for (const { path } of images) {
      expect(pixels(read.get(path)!.shape!), path).toEqual(pixels(shapes[path]!));
      expect(read.get(path)!.boxes).toHaveLength(2);
    }
    expect(await losses(exported)).toEqual([]);
  });

  test("that would move a box are not in COCO, and that is said", async () => {
    const moved = images.map((of) => ({ ...of, boxes: [{ ...boxes[0]!, x1: 55 }, boxes[1]!] }));
    const exported = await exportOf(projectOf(moved), "coco", shapes);
    expect(exported.files.get("annotations.json")).not.toContain("segmentation");
    expect(await losses(exported)).toEqual(["the true outline of 2 images"]);
  });

  test("are exported only where they are those of the boxes", async () => {
    const edited = images.map((of) => ({ ...of, outlined: false }));
    expect((await exportOf(projectOf(edited), "manifest", shapes)).files.size).toBe(1);
    expect(maskOf({ ...(images[0] as ExportedImage), shape: undefined })).toBeUndefined();
  });
});

test("one file is saved as it is, under the name that readers look for", async () => {
  for (const [format, name] of [
    ["manifest", "manifest.csv"],
    ["manifest-json", "manifest.json"],
  ] as const) {
    const one = await packed((await exportOf(projectOf([image("a.png")]), format)).files);
    expect(one.name).toBe(name);
    expect(await one.blob.text()).toContain("a.png");
  }
});

test("images without a path get names of their own: phantoms, and what an earlier version read", () => {
  const old = image("", { id: "1_1", file: "000003.jpg" });
  const named = (project: Project) => exportedImages(project, false, () => undefined).map(({ name }) => name);
  expect(named(projectOf([old, { ...old, id: "b/2.png" }, { ...old, id: "l#4", file: "1.dcm#4" }]))).toEqual([
    "1_1.jpg",
    "b/2.png",
    "l.dcm#4",
  ]);
  const phantom = { ...projectOf([{ ...old, id: "phantom-0-1", file: "phantom-0-1" }]), ...phantomSource };
  expect(named(phantom)).toEqual(["phantom-0-1.png"]);
});
const phantomSource = { source: { kind: "phantom", scanner: "phantom", seed: 0 } } as const;
