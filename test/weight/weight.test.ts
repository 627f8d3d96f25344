/** What a page must load: one with a network of its own, the example, and this project's own page. */
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { build } from "vite";
import { beforeAll, describe, expect, it } from "vitest";
import { temporaryFolder } from "../cli/support.ts";
import { at, atOnce, gzipped, modulesOf, scriptsOf, weightOf, type Script } from "./scripts.ts";

describe("a page that trains a network of its own, saves it, loads it and predicts", () => {
  const page = "test/weight/index.html";
  let scripts: Script[];
  beforeAll(async () => {
    scripts = await scriptsOf(false, page);
  });

  it("loads at most 45.5 kB gzipped, without models and schemas", () => {
    const modules = modulesOf(atOnce(scripts));
    expect(modules).toContain("src/loop/trainer.ts");
    expect(modules).not.toMatch(/zod|\.onnx\.ts|onnx-form|src\/models\/|src\/tune\/tuner|src\/train\/|src\/export\//);
    expect(weightOf(atOnce(scripts))).toBeLessThanOrEqual(45_500);
  });

  it("may load the rest later: 69.5 kB in all", () => {
    const later = scripts.filter((script) => !atOnce(scripts).includes(script));
    const parts = later.filter(({ isDynamicEntry }) => isDynamicEntry).map(({ name }) => name);
    expect(parts.sort()).toEqual([
      "batchnorm-subgroup",
      "evaluation",
      "other-floats",
      "seldom",
      "shader-error",
      "winograd",
    ]);
    expect(weightOf(scripts)).toBeLessThanOrEqual(69_500);
  });

  it("is one script of at most 67.5 kB where the bundler divides nothing", async () => {
    const whole = await scriptsOf(false, page, { output: { codeSplitting: false } });
    expect(whole).toHaveLength(1);
    expect(weightOf(whole)).toBeLessThanOrEqual(67_500);
  });
});

describe("the example of a page that predicts", () => {
  it("weighs at most 150 kB to read pictures and predict, and brings decoders only when they are used", async () => {
    const scripts = await scriptsOf("examples/vite.config.ts", "examples/predict-page/index.html");
    const modules = modulesOf(atOnce(scripts));
    // What tells a DICOM file from others is there at once.
    expect(modules).not.toMatch(/dcmjs|src\/data\/dicom\/(?:open|frames|luts|grey)|tiff-pixels|src\/cli|src\/node/);
    expect(weightOf(atOnce(scripts))).toBeLessThanOrEqual(150_000);
    expect(scripts.map(({ name }) => name)).toEqual(expect.arrayContaining(["dicom", "tiff"]));
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
