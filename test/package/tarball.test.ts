/** The packed package as a user gets it: its size and files, declarations for TypeScript 5 and 6, and a command line without packages. */
import { execFile } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { beforeAll, describe, expect, it } from "vitest";
import { closure, ofLibrary } from "../../lint/dependencies.mjs";
import { temporaryFolder } from "../cli/support.ts";

const run = promisify(execFile);
const root = fileURLToPath(new URL("../../", import.meta.url));
const require = createRequire(import.meta.url);
const BAR_BYTES = 1_500_000;

/** A project outside the repository with the package, what that depends on, and nothing else. */
const project = path.join(temporaryFolder(), "project");
const installed = path.join(project, "node_modules/mganet-webgpu");
let packed: { size: number; files: { path: string }[]; filename: string };

beforeAll(async () => {
  const whole = path.join(project, "../whole");
  const manifest = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8")) as { files: string[] };
  const named = manifest.files.filter((file) => file !== "dist" && !file.includes("*"));
  for (const name of ["package.json", "README.md", "LICENSE", "docs", ...named])
    cpSync(path.join(root, name), path.join(whole, name), { recursive: true });
  // As bin/build.mjs does, without checking the types again.
  const tsc = [require.resolve("typescript/bin/tsc"), "-p", path.join(root, "tsconfig.build.json"), "--noCheck"];
  const out = ["--outDir", path.join(whole, "dist")];
  await run(process.execPath, [...tsc, ...out]);
  await run(process.execPath, [...tsc, ...out, "--declaration", "false", "--removeComments"]);
  const { stdout } = await run("npm", ["pack", "--json", "--ignore-scripts"], { cwd: whole });
  [packed] = JSON.parse(stdout) as [typeof packed];
  mkdirSync(installed, { recursive: true });
  await run("tar", ["-xzf", path.join(whole, packed.filename), "-C", installed, "--strip-components=1"]);
  for (const at of closure(ofLibrary).keys()) {
    mkdirSync(path.dirname(path.join(project, at)), { recursive: true });
    symlinkSync(path.join(root, at), path.join(project, at));
  }
  writeFileSync(path.join(project, "package.json"), JSON.stringify({ type: "module" }));
}, 900_000);

it("weighs at most 1.5 MB, without maps, sources and tests", () => {
  expect(packed.size).toBeLessThanOrEqual(BAR_BYTES);
  const files = packed.files.map((file) => file.path);
  const case_ = "test/reference/data/mganet-small.safetensors";
  expect(files).toEqual(expect.arrayContaining(["bin/mganet.mjs", "dist/src/cli/main.js", "THIRD-PARTY.md", case_]));
  const others = files.filter(
    (file) => !/^(dist\/.*\.(js|mjs|d\.ts|d\.mts)|docs\/.*\.md|examples\/.*|[^/]*|bin\/mganet\.mjs)$/.test(file),
  );
  // The reference is for the recipe in docs/export.md.
  expect(others.sort()).toEqual(["docs/architecture.svg", case_, "test/reference/mganet_reference.py"]);
});

it("has every file that it names for an import, and refers to no map", () => {
  const { exports } = JSON.parse(readFileSync(path.join(installed, "package.json"), "utf8")) as {
    exports: Record<string, string | Record<string, string>>;
  };
  const named = Object.values(exports).flatMap((to) => (typeof to === "string" ? [to] : Object.values(to)));
  const there = packed.files.map((file) => `./${file.path}`);
  expect(there).toEqual(expect.arrayContaining(named));
  expect(readFileSync(path.join(installed, "dist/src/index.js"), "utf8")).not.toContain("sourceMappingURL");
});

describe("declarations", () => {
  const core = `import { compile, Gpu, Graph } from "mganet-webgpu";
import { load, save, toOnnx } from "mganet-webgpu/io";
import "mganet-webgpu/methods";
import { MGANet, paperOptions } from "mganet-webgpu/models";
import { Linear, Sequential } from "mganet-webgpu/nn";
import { defineOp } from "mganet-webgpu/ops";
import { AdamW } from "mganet-webgpu/optim";
import { trainer } from "mganet-webgpu/train";
using gpu: Gpu = await Gpu.create(await navigator.gpu.requestAdapter());
const net = new MGANet({ ...paperOptions, width: 1 / 16 });
const graph = new Graph();
const out = net.forward(graph.input("image", [2, 64, 64, 3]));
const plan = await compile(gpu, graph, { outputs: { logits: out.logits.mul(2) } });
export const logits: Float32Array = (await plan.run({ image: new Float32Array(2 * 64 * 64 * 3) })).logits;
const own = new Sequential(new Linear(3, 1)).finish(0);
const training = trainer(gpu, own, {
  inputs: { x: [3] },
  loss: ({ x }) => own.forward(x).sum(),
  optimizer: new AdamW(own, { lr: 1e-2 }),
});
export const loss: number = (await training.step({ x: new Float32Array(6) })).loss;
await load(gpu, own, await save(gpu, own));
export { defineOp, toOnnx };
`;
  const web = `import { openGpu, PicturePredictor } from "mganet-webgpu/web";
export const gpu = await openGpu();
export { PicturePredictor };
`;
  const node = `import { openGpu, prepareImage } from "mganet-webgpu/node";
export const gpu = await openGpu({ adapter: "llvmpipe" });
export const image = await prepareImage("nodule.png", { width: 64, height: 64, crop: "adaptive" });
`;
  const options = ["--noEmit", "--strict", "--exactOptionalPropertyTypes", "--noUncheckedIndexedAccess"];
  const compilers = {
    "TypeScript 5.9": path.join(root, "lint/typescript-5/node_modules/typescript/bin/tsc"),
    "TypeScript 6": require.resolve("typescript/bin/tsc"),
  };
  const faults = (tsc: string, args: readonly string[], lib = "es2023,dom,dom.iterable") =>
    run(process.execPath, [tsc, ...options, "--target", "es2022", "--lib", lib, ...args], { cwd: project }).then(
      () => "",
      (error: unknown) => {
        const { stdout } = error as { stdout: string };
        if (stdout === "") throw error; // No compiler.
        return stdout;
      },
    );

  /** What the README says that a project without DOM has to add. */
  const [line] = /\/\/\/ <reference lib=.*? \/>/.exec(readFileSync(path.join(root, "README.md"), "utf8"))!;
  const onNode = ["--module", "nodenext", "--types", "node", "--typeRoots", path.join(root, "node_modules/@types")];

  beforeAll(() => {
    writeFileSync(path.join(project, "dom.d.ts"), `${line}\n`);
    // Without a page's adapter, which such a project has not.
    writeFileSync(path.join(project, "without.ts"), core.replace("await navigator.gpu.requestAdapter()", "null"));
    for (const [name, code] of Object.entries({ core, web, node }))
      writeFileSync(path.join(project, `${name}.ts`), code);
    writeFileSync(path.join(project, "wrong.ts"), core.replace("[2, 64, 64, 3]", '"image"'));
  });

  it.each(Object.entries(compilers))("of every entry are sound for %s, without skipLibCheck", async (_, tsc) => {
    const bundler = ["--module", "esnext", "--moduleResolution", "bundler"];
    expect(await faults(tsc, [...bundler, "core.ts", "web.ts"])).toBe("");
    expect(await faults(tsc, [...onNode, "core.ts", "node.ts"])).toBe("");
    expect(await faults(tsc, [...bundler, "wrong.ts"])).toContain("readonly number[]");
  });

  it.each(Object.entries(compilers))("need for %s no DOM in the project but the README's line", async (_, tsc) => {
    expect(await faults(tsc, [...onNode, "without.ts", "node.ts", "dom.d.ts"], "es2023")).toBe("");
    expect(await faults(tsc, [...onNode, "without.ts", "node.ts"], "es2023")).toContain("Cannot find name");
  });
});

describe("the command line without the packages that it needs", () => {
  const program = path.join(installed, "bin/mganet.mjs");
  const mganet = (...args: string[]) =>
    run(process.execPath, [program, ...args], { cwd: project }).then(
      ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
      (error: unknown) => error as { code: number; stdout: string; stderr: string },
    );

  it("says its version", async () => {
    const { version } = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8")) as { version: string };
    for (const flag of ["--version", "-V"])
      expect(await mganet(flag)).toEqual({ code: 0, stdout: `${version}\n`, stderr: "" });
  });

  it.each(readdirSync(path.join(root, "src/cli/commands")).map((file) => path.basename(file, ".ts")))(
    "%s says in one line what to install",
    async (command) => {
      const { code, stdout, stderr } = await mganet(command);
      expect([code, stdout]).toEqual([2, ""]);
      expect(stderr).toMatch(
        /^mganet: the command line needs 14 packages .*; install them with: {2}npm install .*webgpu@\S+ yaml@\S+\n$/,
      );
    },
  );
});
