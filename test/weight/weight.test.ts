/** What a page must load: of the library's core, of the example, and of this project's own page. */
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build, type Rolldown } from "vite";
import { beforeAll, describe, expect, it } from "vitest";
import { temporaryFolder } from "../cli/support.ts";

const at = (name: string) => fileURLToPath(new URL(`../../${name}`, import.meta.url));
const gzipped = (text: string | Uint8Array) => gzipSync(text, { level: 9 }).length;
const first = (chunks: readonly Rolldown.OutputChunk[]) => chunks.find(({ isEntry }) => isEntry)!;
const modulesOf = (chunk: Rolldown.OutputChunk) => Object.keys(chunk.modules).join("\n");

/** Builds as a user's bundler would. @returns the scripts */
async function chunksOf(
  config: string | false,
  entry: string,
  options: Rolldown.RolldownOptions = {},
): Promise<Rolldown.OutputChunk[]> {
  const built = await build({
    configFile: config === false ? false : at(config),
    root: at(path.dirname(entry)),
    logLevel: "silent",
    build: {
      write: false,
      target: "es2023",
      minify: "oxc",
      rolldownOptions: { input: at(entry), ...options },
    },
  });
  const { output } = built as Rolldown.RolldownOutput;
  return output.filter((part) => part.type === "chunk");
}

/** The scripts that are loaded with the first one. */
function atOnce(chunks: readonly Rolldown.OutputChunk[]): Rolldown.OutputChunk[] {
  const needed = new Set([first(chunks)]);
  // The set grows while it is walked.
  for (const chunk of needed)
    for (const name of chunk.imports) needed.add(chunks.find(({ fileName }) => fileName === name)!);
  return [...needed];
}
const weightOf = (chunks: readonly Rolldown.OutputChunk[]) =>
  chunks.map(({ code }) => gzipped(code)).reduce((a, b) => a + b, 0);

describe("a page that trains a network of its own, saves it, loads it and predicts", () => {
  let chunks: Rolldown.OutputChunk[];
  beforeAll(async () => {
    chunks = await chunksOf(false, "test/weight/index.html");
  });

  it("loads at most 45 kB gzipped, without models and schemas", () => {
    const modules = atOnce(chunks).map(modulesOf).join("\n");
    expect(modules).toContain("src/loop/trainer.ts");
    expect(modules).not.toMatch(/zod|\.onnx\.ts|onnx-form|src\/models\/|src\/tune\/tuner|src\/train\/|src\/export\//);
    expect(weightOf(atOnce(chunks))).toBeLessThanOrEqual(45_000);
  });

  it("loads at most 21 kB more on adapters and for networks that need the rest: 66 kB in all", () => {
    const later = chunks.filter((chunk) => !atOnce(chunks).includes(chunk));
    expect(later.filter(({ isDynamicEntry }) => isDynamicEntry).map(({ name }) => name)).toEqual([
      "seldom",
      "winograd",
    ]);
    expect(later.map(modulesOf).join("\n")).toMatch(/conv2d-strip\.ts[^]*kernels\/winograd\.ts/);
    expect(weightOf(chunks)).toBeLessThanOrEqual(66_000);
  });

  it("is one script of at most 61 kB where the bundler divides nothing", async () => {
    const whole = await chunksOf(false, "test/weight/index.html", { output: { codeSplitting: false } });
    expect(whole).toHaveLength(1);
    expect(weightOf(whole)).toBeLessThanOrEqual(61_000);
  });
});

describe("the example of a page that predicts", () => {
  it("weighs at most 150 kB to read pictures and predict, and brings decoders only when they are used", async () => {
    const chunks = await chunksOf("examples/vite.config.ts", "examples/predict-page/index.html");
    expect(modulesOf(first(chunks))).not.toMatch(/dcmjs|src\/data\/dicom|tiff-pixels|src\/cli|src\/node/);
    expect(gzipped(first(chunks).code)).toBeLessThanOrEqual(150_000);
    expect(chunks.map(({ name }) => name)).toEqual(expect.arrayContaining(["dicom", "tiff"]));
  });
});

describe("the page", () => {
  const out = path.join(temporaryFolder(), "built");
  const nodeEnv = process.env["NODE_ENV"];

  beforeAll(async () => {
    // Vitest's own value would make a build for development.
    process.env["NODE_ENV"] = "production";
    await build({ configFile: at("app/vite.config.ts"), logLevel: "silent", build: { outDir: out } });
    process.env["NODE_ENV"] = nodeEnv;
  });

  /** A list that the build filled into the service worker. */
  const listed = (name: string): string[] => {
    const [, list] = new RegExp(`const ${name} = (\\[.*\\]);`).exec(readFileSync(path.join(out, "sw.js"), "utf8"))!;
    return JSON.parse(list!) as string[];
  };

  it("loads at most 250 kB of scripts and styles before a decoder is needed", () => {
    const scripts = listed("FIRST").filter((file) => /\.(?:js|css)$/.test(file));
    for (const part of ["index", "worker", "compute", "images"]) {
      expect(
        scripts.some((file) => file.startsWith(`assets/${part}-`)),
        part,
      ).toBe(true);
    }
    const bytes = scripts.map((file) => gzipped(readFileSync(path.join(out, file))));
    expect(bytes.reduce((a, b) => a + b, 0)).toBeLessThanOrEqual(250_000);
  });

  it("has every file once, and keeps all of them for use without a network", () => {
    const files = readdirSync(path.join(out, "assets")).map((name) => `assets/${name}`);
    expect(files.filter((name) => /dcmjs-codecs.*\.js$/.test(name))).toHaveLength(1);
    const contents = files.map((file) => readFileSync(path.join(out, file), "base64"));
    expect(new Set(contents).size).toBe(files.length);
    expect([...listed("FIRST"), ...listed("LATER")]).toEqual(expect.arrayContaining(files));
  });
});
