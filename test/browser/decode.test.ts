/** Picture files decoded in Chromium, in a worker, against the command line: grey levels, own numbers, sizes, frames, notes, refusals. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DataError, reasonOf } from "../../src/data/sample.ts";
import { decodeLevels, greyOf, openPictures } from "../../src/node/data/decode.ts";
import { chromiumFor, openPage, type OpenPage } from "../support/chromium.ts";
import {
  dicomFiles,
  exact,
  exactToo,
  type Files,
  lossy,
  profiled,
  refused,
  refusedInBrowsers,
} from "./decode-files.ts";
import type { Decoded } from "./decode-worker.ts";

const { leftOut, required } = chromiumFor("Decoding is not tested in a browser");

/** What a page may do: neither eval nor anything from elsewhere. */
const policy = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; img-src 'self' data: blob:";

const KINDS: Record<string, new (buffer: ArrayBuffer) => ArrayLike<number>> = {
  Uint8Array,
  Uint16Array,
  Uint32Array,
  Int32Array,
  Float32Array,
};

describe.skipIf(leftOut)("in Chromium, in a worker that may not eval,", () => {
  let opened: OpenPage;

  beforeAll(async () => {
    opened = await openPage(required(), { file: "decode.html", policy });
  });
  afterAll(async () => (opened as typeof opened | undefined)?.close());

  const decoded = (bytes: Uint8Array): Promise<Decoded> =>
    opened.page.evaluate((text) => decodePicture(text), Buffer.from(bytes).toString("base64"));

  /** The largest difference of grey levels, of own numbers. */
  async function compare(name: string, bytes: Uint8Array): Promise<{ grey: number; levels: number }> {
    const here = await decoded(bytes);
    if ("refused" in here) throw new Error(`${name} ${here.refused}`);
    const pictures = await openPictures(bytes);
    expect(here.frames, name).toEqual(pictures.frames);
    const off = { grey: 0, levels: 0 };
    for (const [i, frame] of pictures.frames.entries()) {
      const found = here.decoded[i]!;
      const { grey, ...shown } = await greyOf(await pictures.render(frame));
      const { width, height, note } = found;
      expect({ width, height, ...(note === undefined ? {} : { note }) }, name).toEqual(shown);
      expect(found.size, name).toEqual(await pictures.size(frame));
      off.grey = Math.max(off.grey, worst(new Uint8Array(Buffer.from(found.grey, "base64")), grey));
      const own = await decodeLevels({ file: name, bytes, frame });
      const numbers = new KINDS[found.kind]!(new Uint8Array(Buffer.from(found.levels, "base64")).buffer);
      const [a, b] = [visible(numbers, found.channels), visible(own.levels, own.channels)];
      expect(a.length, name).toBe(b.length);
      off.levels = Math.max(off.levels, worst(a, b));
      expect(Buffer.from(found.colours, "base64").length, name).toBe(3 * width * height);
    }
    return off;
  }

  /** Colours over black where nothing is seen, as browsers drop them; the two add alpha to opaque pictures for different reasons. */
  function visible(levels: ArrayLike<number>, channels: number): ArrayLike<number> {
    if (!(levels instanceof Uint8Array) || channels < 3) return levels;
    const alpha = (i: number) => (channels === 4 ? levels[4 * i + 3]! : 255);
    return Uint8Array.from({ length: (4 * levels.length) / channels }, (_, i) => {
      const [pixel, c] = [i >> 2, i & 3];
      return c === 3 ? alpha(pixel) : alpha(pixel) === 0 ? 0 : levels[channels * pixel + c]!;
    });
  }

  const worst = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
    expect(a.length).toBe(b.length);
    let most = 0;
    for (let i = 0; i < a.length; i++) most = Math.max(most, Math.abs(a[i]! - b[i]!));
    return most;
  };

  async function differences(files: Files) {
    const found: Record<string, { grey: number; levels: number }> = {};
    for (const [name, bytes] of files) {
      const off = await compare(name, bytes);
      if (off.grey > 0 || off.levels > 0) found[name] = off;
    }
    return found;
  }

  it("files without loss, of any depth and compression, have the same levels", async () => {
    expect(await differences([...(await exact()), ...(await exactToo())])).toEqual({});
  });

  it("DICOM files have the same levels", async () => {
    expect(await differences(await dicomFiles())).toEqual({});
  });

  it("files with loss have the same levels", async () => {
    // libheif, on the command line, rounds colours of AVIF otherwise.
    expect(await differences(await lossy())).toEqual({ "colours.avif": { grey: 1, levels: 1 } });
  });

  it("colours with a profile are converted, within a level: two libraries round differently", async () => {
    const found = await differences(await profiled());
    for (const [name, { grey }] of Object.entries(found)) expect(grey, name).toBeLessThanOrEqual(1);
    // What needs no conversion is left alone.
    expect(Object.keys(found)).toEqual(expect.not.arrayContaining(["srgb.png", "grey.png"]));
  });

  it("what is damaged, too large or no picture is refused in one line, as on the command line", async () => {
    const files = await refused();
    const taken: string[] = [];
    for (const [name, bytes] of files) {
      const here = await decoded(bytes);
      const reason = await openPictures(bytes)
        .then(async (pictures) => void (await greyOf(await pictures.render(pictures.frames[0]!))))
        .then(
          () => undefined,
          (error: unknown) => error,
        );
      if (!("refused" in here)) taken.push(`${name}: read`);
      else if (here.fault || /\n/.test(here.refused)) taken.push(`${name}: ${here.refused}`);
      if (!(reason instanceof DataError)) taken.push(`${name}: ${reasonOf(reason)} on the command line`);
    }
    expect(taken).toEqual([]);
  });

  it("what a browser would read with other levels is refused, with a way out", async () => {
    for (const [name, bytes] of await refusedInBrowsers()) {
      const here = await decoded(bytes);
      expect("refused" in here ? here.refused : "read", name).toMatch(/: (convert it to PNG|save it with 8 bits)/);
    }
  });

  it("reports no error after all that", () => expect(opened.errors).toEqual([]));
});
