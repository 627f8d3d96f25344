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
async function chunksOf(config: string | false, entry: string): Promise<Rolldown.OutputChunk[]> {
  const built = await build({
    configFile: config === false ? false : at(config),
    root: at(path.dirname(entry)),
    logLevel: "silent",
    build: {
      write: false,
      target: "es2023",
      minify: "oxc",
      rolldownOptions: { input: at(entry), preserveEntrySignatures: "strict" },
    },
  });
  const { output } = built as Rolldown.RolldownOutput;
  return output.filter((part) => part.type === "chunk");
}

describe("the library in a bundle", () => {
  it("weighs at most 60 kB gzipped to train a network of one's own, without models and schemas", async () => {
    const chunks = await chunksOf(false, "test/weight/cnn.ts");
    expect(chunks).toHaveLength(1);
    const modules = modulesOf(chunks[0]!);
    expect(modules).toContain("src/graph/compile.ts");
    expect(modules).not.toMatch(/zod|\.onnx\.ts|onnx-form|src\/models\/|src\/tune\/tuner|src\/train\/|src\/export\//);
    expect(gzipped(chunks[0]!.code)).toBeLessThanOrEqual(60_000);
  });

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
