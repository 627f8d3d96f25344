/** Files that were taken wrongly elsewhere, and files made to do harm: the built page reads and refuses what the command line does. */
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { deflateRawSync, deflateSync } from "node:zlib";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { phantomImage } from "../../src/data/phantom/phantom.ts";
import { crcOf } from "../../src/data/pictures/png.ts";
import { writePng } from "../../src/data/pictures/png-write.ts";
import { DataError, reasonOf } from "../../src/data/sample.ts";
import { openPictures } from "../../src/node/data/decode.ts";
import { openDataset } from "../../src/node/data/open.ts";
import { prepareDataset } from "../../src/node/data/prepare.ts";
import { prepareImage } from "../../src/node/data/prepare-image.ts";
import { frameName } from "../../src/data/picture-name.ts";
import { temporaryFolder } from "../cli/support.ts";
import { openApp, withoutParityCheck, type OpenApp } from "../support/app.ts";
import { chromiumFor } from "../support/chromium.ts";

const { leftOut, required } = chromiumFor("Hostile files are not tried on the page");
const cases = fileURLToPath(new URL("../cases", import.meta.url));

interface Verdict {
  /** By name in the set: class and number of boxes. */
  images: Record<string, string>;
  /** Reasons by file. */
  left: Record<string, string>;
}

const SMALL = { width: 32, height: 32, crop: "adaptive" } as const;
const describeImage = (label: number | null | undefined, boxes: readonly unknown[]) =>
  `${label ?? "none"} ${boxes.length}`;

/** Reasons that come from libvips on Node, in the words that the page has for them. */
function sameWords(reason: string): string {
  if (reason === "is not a readable image: Input image exceeds pixel limit") return TOO_LARGE;
  return reason.replace("Input buffer contains unsupported image format", "its format is unknown");
}

const TOO_LARGE = "is an image of 60000x60000: too large; at most 67108864 pixels (8192x8192) are read";

/** What the command line takes of a folder. */
async function commandLine(folder: string): Promise<Verdict> {
  const bare = (name: string) => path.relative(folder, name);
  const left: Record<string, string> = {};
  const images: Record<string, string> = {};
  try {
    const dataset = await openDataset(folder);
    const { prepared, skipped } = await prepareDataset(dataset, SMALL);
    for (const { file, reason } of [...dataset.skipped, ...skipped]) left[bare(file)] = sameWords(reason);
    const boxes = new Map(dataset.samples.map((sample) => [sample.id, sample.boxes]));
    for (const { id, label } of prepared) images[id] = describeImage(label, boxes.get(id)!);
  } catch (error) {
    if (!(error instanceof DataError)) throw error;
    // Without annotations the page takes every picture by itself, as `predict` does.
    for (const name of (readdirSync(folder, { recursive: true }) as string[]).sort()) {
      if (!/\.(?:png|jpg|bmp|tif|dcm)$/i.test(name)) continue;
      const file = path.join(folder, name);
      const { frames } = await openPictures(readFileSync(file)).catch(() => ({ frames: [1] }));
      for (const frame of frames) {
        const named = frames.length > 1 ? frameName(name, frame) : name;
        await prepareImage(path.join(folder, named), SMALL).then(
          () => (images[named] = describeImage(undefined, [])),
          (reason: unknown) => (left[named] = sameWords(reasonOf(reason).replace(`${file}: `, ""))),
        );
      }
    }
  }
  return { images, left };
}

/** A PNG chunk. */
function chunk(type: string, content: Uint8Array): Buffer {
  const bytes = Buffer.alloc(12 + content.length);
  bytes.writeUInt32BE(content.length, 0);
  bytes.write(type, 4, "latin1");
  bytes.set(content, 8);
  bytes.writeUInt32BE(crcOf(bytes.subarray(4, 8 + content.length)), 8 + content.length);
  return bytes;
}

/** A grey PNG whose pixel data inflates to `inflated` zeros. */
function png(width: number, height: number, inflated: number): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 0, 0, 0, 0], 8);
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  const data = deflateSync(Buffer.alloc(inflated), { level: 9 });
  return Buffer.concat([signature, chunk("IHDR", header), chunk("IDAT", data), chunk("IEND", Buffer.alloc(0))]);
}

/** A deflated grey TIFF whose only strip inflates to `inflated` zeros. */
function tiff(width: number, height: number, inflated: number): Buffer {
  const data = deflateSync(Buffer.alloc(inflated), { level: 9 });
  const entries: [tag: number, type: number, value: number][] = [
    [256, 4, width],
    [257, 4, height],
    [258, 3, 8],
    [259, 3, 8], // deflate
    [262, 3, 1],
    [273, 4, 8 + 2 + 12 * 9 + 4],
    [277, 3, 1],
    [278, 4, height],
    [279, 4, data.length],
  ];
  const head = Buffer.alloc(8 + 2 + 12 * entries.length + 4);
  head.write("II*\0", "latin1");
  head.writeUInt32LE(8, 4);
  head.writeUInt16LE(entries.length, 8);
  for (const [i, [tag, type, value]] of entries.entries()) {
    const at = 10 + 12 * i;
    head.writeUInt16LE(tag, at);
    head.writeUInt16LE(type, at + 2);
    head.writeUInt32LE(1, at + 4);
    head.writeUInt32LE(value, at + 8);
  }
  return Buffer.concat([head, data]);
}

/** A DICOM file with a deflated data set that inflates to `inflated` zeros. */
function dicom(inflated: number): Buffer {
  const uid = "1.2.840.10008.1.2.1.99\0".slice(0, 22);
  const element = Buffer.alloc(8);
  element.writeUInt16LE(2, 0);
  element.writeUInt16LE(0x10, 2);
  element.write("UI", 4, "latin1");
  element.writeUInt16LE(uid.length, 6);
  const preamble = Buffer.concat([Buffer.alloc(128), Buffer.from("DICM", "latin1")]);
  return Buffer.concat([
    preamble,
    element,
    Buffer.from(uid, "latin1"),
    deflateRawSync(Buffer.alloc(inflated), { level: 9 }),
  ]);
}

const GIBIBYTE = 2 ** 30;
const MARKUP = "<img src=x onerror=window.harmed=1>";

const picture = (index: number): Buffer => {
  const { grey, ...size } = phantomImage(0, index);
  return Buffer.from(writePng(size, grey));
};

describe.skipIf(leftOut)("the page", () => {
  const root = temporaryFolder();
  let app: OpenApp;
  let page: Page;
  /** Writes a folder. @returns its path */
  const write = (name: string, files: Record<string, string | Buffer>): string => {
    for (const [file, content] of Object.entries(files)) {
      const target = path.join(root, name, file);
      mkdirSync(path.dirname(target), { recursive: true });
      writeFileSync(target, content);
    }
    return path.join(root, name);
  };

  /** Opens a folder, as a user does. @returns what the page keeps of it, or its message */
  const open = async (folder: string): Promise<Verdict | string> => {
    const other = page.getByRole("button", { name: "Other images…" });
    if (await other.isVisible()) await other.click();
    await page.getByRole("heading", { name: "Your images" }).waitFor();
    await page.locator('input[type="file"][aria-label="Folder"]').setInputFiles(folder);
    const message = page.locator(".message");
    await message.or(page.getByRole("grid")).first().waitFor();
    if (await message.isVisible()) {
      const text = await message.locator("span").innerText();
      await message.getByRole("button").click();
      return text;
    }
    const name = await page.getByRole("heading", { level: 1 }).innerText();
    // As it will be opened again.
    await other.click();
    await page.getByRole("button", { name, exact: true }).click();
    await page.getByRole("grid").waitFor();
    const project = await page.evaluate(async (name) => {
      const projects = await (await navigator.storage.getDirectory()).getDirectoryHandle("projects");
      const file = await (await projects.getDirectoryHandle(name)).getFileHandle("project.json");
      return (await file.getFile()).text();
    }, name);
    const { images, left } = JSON.parse(project) as {
      images: { id: string; label: number | null; boxes: unknown[] }[];
      left: { file: string; reason: string }[];
    };
    const top = `${path.basename(folder)}/`;
    return {
      images: Object.fromEntries(images.map(({ id, label, boxes }) => [id, describeImage(label, boxes)])),
      left: Object.fromEntries(
        left.map(({ file, reason }) => [file.startsWith(top) ? file.slice(top.length) : file, reason]),
      ),
    };
  };

  beforeAll(async () => {
    app = await openApp(required(), path.join(root, "built"));
    ({ page } = app);
    await withoutParityCheck(app.context);
    page.setDefaultTimeout(180_000);
    await page.goto(`${app.url}#/images`);
  });
  afterAll(async () => (app as typeof app | undefined)?.close());

  test.each(["dicom", "raster", "masks", "voc"])("takes test/cases/%s as the command line does", async (name) => {
    const folder = path.join(cases, name);
    expect(await open(folder)).toEqual(await commandLine(folder));
  });

  test.each(readdirSync(path.join(cases, "manifests")))(
    "takes the manifest %s as the command line does",
    async (name) => {
      const folder = path.join(root, name);
      cpSync(path.join(cases, "manifests", name), folder, { recursive: true });
      write(name, Object.fromEntries(Array.from({ length: 6 }, (_, i) => [`img/${i}.png`, picture(i)])));
      const ours = await open(folder);
      expect(ours).toEqual(await commandLine(folder));
    },
  );

  test("shows markup in names and manifests as text", async () => {
    const rows = [
      ["image", "label", "boxes", "patient"],
      [`${MARKUP}.png`, "benign", "50 40 140 100", MARKUP],
      ["b.png", "malignant", "", `</option><script>window.harmed=1</script>`],
      [`${MARKUP}-gone.png`, "benign", "", ""],
      ["b.png", MARKUP, MARKUP, ""],
    ];
    const folder = write(MARKUP, {
      [`${MARKUP}.png`]: picture(0),
      "b.png": picture(1),
      "manifest.csv": `${rows.map((row) => row.map((cell) => `"${cell}"`).join(",")).join("\n")}\n`,
    });
    const ours = await open(folder);
    expect(ours).toEqual(await commandLine(folder));
    expect(Object.values((ours as Verdict).left).join()).toContain("<img src");
    await page.getByText(/files left out$/).click();
    await page.getByRole("gridcell").first().click();
    await page.getByRole("application").waitFor();
    expect(await page.evaluate(() => "harmed" in window)).toBe(false);
    expect(await page.locator("main img, main script").count()).toBe(0);
    await page.goto(`${app.url}#/images`);
  });

  test("keeps and opens again what has names and values of 10,000 characters, or refuses them", async () => {
    const long = "x".repeat(10_000);
    const folder = write("long", {
      "a.png": picture(0),
      "b.png": picture(1),
      "c.png": picture(2),
      "manifest.csv": [
        "image,label,boxes,patient",
        `a.png,benign,,${long}`,
        `${long}.png,benign,,`,
        `b.png,malignant,${long},`,
        "c.png,benign,,p",
      ].join("\n"),
    });
    expect(await open(folder)).toEqual(await commandLine(folder));
  });

  test("refuses small files that claim or inflate to gigabytes", async () => {
    const folder = write("bombs", {
      "good.png": picture(0),
      "claims.png": png(60_000, 60_000, 60_000),
      "inflates.png": png(320, 240, GIBIBYTE / 4),
      "claims.tif": tiff(60_000, 60_000, 60_000),
      "inflates.tif": tiff(320, 240, GIBIBYTE / 4),
      "inflates.dcm": dicom(GIBIBYTE / 4),
    });
    const ours = await open(folder);
    expect(ours).toEqual(await commandLine(folder));
    expect(Object.keys((ours as Verdict).images)).toContain("good.png");
  });

  test("finds its way through deep, empty and many files", async () => {
    const deep = "d/".repeat(150);
    const folder = write("odd", {
      [`${deep}deep.png`]: picture(0),
      "empty.png": "",
      "empty.dcm": "",
      "text.png": "no picture",
      "empty.csv": "",
      ...Object.fromEntries(Array.from({ length: 3000 }, (_, i) => [`many/${i}.txt`, ""])),
    });
    expect(await open(folder)).toEqual(await commandLine(folder));
  });

  test("is not fooled by keys that objects inherit", async () => {
    const folder = write("polluted", {
      "a.png": picture(0),
      "b.png": picture(1),
      "coco.json": `{"__proto__": {"harmed": 1}, "constructor": {"prototype": {"harmed": 1}},
        "images": [{"id": 1, "file_name": "a.png", "width": 1, "height": 1, "__proto__": {"harmed": 1}}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 1, 5, 5]}],
        "categories": [{"id": 1, "name": "__proto__"}, {"id": 2, "name": "constructor"}]}`,
    });
    const manifest = write("inherited", {
      "a.png": picture(0),
      "b.png": picture(1),
      "manifest.csv": "image,label,__proto__,constructor\na.png,__proto__,1,2\nb.png,constructor,3,4\n",
    });
    for (const each of [folder, manifest]) {
      const ours = await open(each);
      if (typeof ours === "string") await expect(openDataset(each)).rejects.toThrow(DataError);
      else expect(ours).toEqual(await commandLine(each));
    }
    expect(await page.evaluate(() => "harmed" in {})).toBe(false);
  });

  test("complained of nothing, and asked nobody", () => {
    expect(app.errors.filter((text) => !/ERR_FAILED/.test(text))).toEqual([]);
    expect(app.requests.filter((url) => !url.startsWith(app.url) && !url.startsWith("blob:"))).toEqual([]);
    expect(readFileSync(path.join(app.out, "index.html"), "utf8")).toContain("default-src &#39;none&#39;");
  });
});
