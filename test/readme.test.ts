/** The documents' examples, as printed, run against the built package. */
import { execFile } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import ts from "typescript";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { slow } from "./support/selection.ts";

const run = promisify(execFile);
const root = fileURLToPath(new URL("..", import.meta.url));
/** The blocks of TypeScript, without the indentation of a list that they are in. */
const examplesOf = (file: string): string[] =>
  [...readFileSync(path.join(root, file), "utf8").matchAll(/^( *)```ts\n([^]*?)^ *```$/gm)].map(([, indent, code]) =>
    code!.replaceAll(new RegExp(`^${indent!}`, "gm"), ""),
  );
const manifest = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8")) as {
  dependencies: Record<string, string>;
  exports: Record<string, string | Record<string, string>>;
};

/** Milliseconds that a check of all types may take on a busy machine. */
const PATIENCE = 600_000;

/** A project of its own, with the package, what that depends on, and nothing else. */
let project: string;
const installed = () => path.join(project, "node_modules/mganet-webgpu");

beforeAll(async () => {
  project = mkdtempSync(path.join(tmpdir(), "mganet-readme-"));
  mkdirSync(installed(), { recursive: true });
  writeFileSync(path.join(project, "package.json"), JSON.stringify({ type: "module" }));
  writeFileSync(path.join(installed(), "package.json"), JSON.stringify(manifest));
  // The README says to install Dawn beside the package on Node.
  for (const name of [...Object.keys(manifest.dependencies), "webgpu"]) {
    const link = path.join(project, "node_modules", name);
    mkdirSync(path.dirname(link), { recursive: true });
    symlinkSync(path.join(root, "node_modules", name), link);
  }
  const tsc = path.join(root, "node_modules/typescript/bin/tsc");
  const out = path.join(installed(), "dist");
  await run(process.execPath, [tsc, "-p", path.join(root, "tsconfig.build.json"), "--noCheck", "--outDir", out]);
}, PATIENCE);
afterAll(() => rmSync(project, { recursive: true, force: true }));

/** Files of types that several programs read. */
const parsed = new Map<string, ts.SourceFile | undefined>();

/** Writes modules of a project, and returns what TypeScript has to say against them. */
function faultsOf(folder: string, modules: readonly string[], options: ts.CompilerOptions): string[] {
  const files = modules.map((code, i) => {
    const file = path.join(folder, `example-${i}.ts`);
    writeFileSync(file, code);
    return file;
  });
  return faultsIn(files, options);
}

/** The same of files that are there. */
function faultsIn(files: readonly string[], options: ts.CompilerOptions): string[] {
  const all: ts.CompilerOptions = {
    target: ts.ScriptTarget.ES2022,
    strict: true,
    noUncheckedIndexedAccess: true,
    exactOptionalPropertyTypes: true,
    noEmit: true,
    ...options,
  };
  const host = ts.createCompilerHost(all);
  const read = host.getSourceFile.bind(host);
  host.getSourceFile = (file, ...how) => {
    if (files.includes(file)) return read(file, ...how);
    const key = `${all.moduleResolution} ${file}`;
    if (!parsed.has(key)) parsed.set(key, read(file, ...how));
    return parsed.get(key);
  };
  const program = ts.createProgram([...files], all, host);
  return ts.getPreEmitDiagnostics(program).map(({ file, start, messageText }) => {
    const line = file ? file.getLineAndCharacterOfPosition(start ?? 0).line + 1 : 0;
    return `${file?.fileName ?? ""}:${line}: ${ts.flattenDiagnosticMessageText(messageText, "\n")}`;
  });
}

const onNode: ts.CompilerOptions = {
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  skipLibCheck: true,
};

describe("the README's library examples", () => {
  const examples = examplesOf("README.md");

  it("are one for Node and one for the browser", () => {
    const froms = examples.map((code) => [...code.matchAll(/ from "(.*)";$/gm)].map(([, from]) => from));
    expect(froms).toEqual([
      ["models", "node", "optim", "train"].map((part) => `mganet-webgpu/${part}`),
      ["mganet-webgpu"],
    ]);
  });

  const { NodeNext, Bundler } = ts.ModuleResolutionKind;
  it("type-check as printed, with the package's own types, in a bundler's project", () => {
    const bundler = { module: ts.ModuleKind.ESNext, moduleResolution: Bundler, skipLibCheck: true };
    expect(faultsOf(project, examples, bundler)).toEqual([]);
  });

  it("and in one of Node's, with all declarations that they refer to", { ...slow, timeout: PATIENCE }, () => {
    const node = { module: ts.ModuleKind.NodeNext, moduleResolution: NodeNext };
    expect(faultsOf(project, examples, node)).toEqual([]);
  });

  it("are checked against these types, not against any", () => {
    const wrong = examples[0]!.replace("[64, 64, 3]", '"image"');
    expect(faultsOf(project, [wrong], onNode).join()).toContain("not assignable to type 'readonly number[]'");
  });

  it("train: the first one runs as printed, and its loss falls", async () => {
    const stdout = await printedBy(examples[0]!, "example.js");
    const losses = [...stdout.matchAll(/^([\d.]+)$/gm)].map(([, loss]) => Number(loss));
    expect(losses).toHaveLength(10);
    expect(losses[0]).toBeLessThan(10);
    expect(losses[9]).toBeLessThan(0.8 * losses[0]!);
  });
});

it("the examples type-check with the package's own types", { ...slow, timeout: PATIENCE }, () => {
  const folder = path.join(project, "examples");
  cpSync(path.join(root, "examples"), folder, { recursive: true });
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" });
  const files = names.filter((name) => /\.ts$/.test(name) && name !== "vite.config.ts");
  expect(files.length).toBeGreaterThan(8);
  const types = { types: ["node"], typeRoots: [path.join(root, "node_modules/@types")] };
  const options = { ...onNode, ...types, target: ts.ScriptTarget.ES2023, allowImportingTsExtensions: true };
  const lib = ["lib.es2023.d.ts", "lib.dom.d.ts", "lib.dom.iterable.d.ts", "lib.esnext.disposable.d.ts"];
  expect(
    faultsIn(
      files.map((name) => path.join(folder, name)),
      { ...options, lib },
    ),
  ).toEqual([]);
});

it("the package has every file that it names for an import", () => {
  const files = Object.values(manifest.exports).flatMap((to) => (typeof to === "string" ? [to] : Object.values(to)));
  expect(files.length).toBeGreaterThan(6);
  for (const file of files) expect(existsSync(path.join(installed(), file)), file).toBe(true);
});

/** Runs a module that is written in TypeScript. @returns what it prints */
async function printedBy(code: string, name: string): Promise<string> {
  const { outputText } = ts.transpileModule(code, {
    compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 },
  });
  writeFileSync(path.join(project, name), outputText);
  return (await run(process.execPath, [name], { cwd: project })).stdout;
}

describe("docs/library.md, whose blocks are one module", () => {
  const program = examplesOf("docs/library.md").join("\n");

  it("type-checks with the package's own types, and uses every entry that does not need a page", () => {
    expect(faultsOf(project, [program], onNode)).toEqual([]);
    const entries = new Set([...program.matchAll(/ from "mganet-webgpu\/?(.*)";$/gm)].map(([, entry]) => entry));
    expect([...entries].sort()).toEqual(["", "io", "models", "nn", "node", "ops", "optim", "train"]);
  });

  it("runs, learns, and prints what it says", async () => {
    const lines = (await printedBy(program, "library.js")).trim().split("\n");
    expect(lines).toHaveLength(21);
    expect(lines.slice(0, 4)).toEqual([
      "features.0.weight 3×3×1×8",
      "features.0.bias 8",
      "features.1.conv.weight 3×3×8×8",
      "features.1.bn.weight 8",
    ]);
    expect(lines.slice(16)).toEqual([
      expect.stringMatching(/^held out: loss 0\.\d+, (9[5-9]|100) % right$/),
      expect.stringMatching(/^cross-entropy 0\.\d+, penalty 0\.\d+$/),
      "14 taken, head.weight and head.bias as they were",
      expect.stringMatching(/^2 probabilities, \d+ rings$/),
      "12 comparisons agree",
    ]);
  });
});

it("the op of docs/how-to/add-an-op.md is defined and checked with the installed package", async () => {
  const [program] = examplesOf("docs/how-to/add-an-op.md");
  expect(faultsOf(project, [program!], onNode)).toEqual([]);
  expect(await printedBy(`${program!}\nconsole.log("checked");`, "op.js")).toBe("checked\n");
});

/** Blocks of documents that are files of this repository, in their order; "": a part of a file, which stays as it is. */
const repositoryFiles: Record<string, readonly string[]> = {
  "docs/how-to/add-a-layer.md": ["src/nn/leaky-block.ts", "test/nn/leaky-block.test.ts"],
  "docs/how-to/add-a-model.md": ["src/models/tiny/network.ts", "src/models/tiny/spec.ts", ""],
};

it.each(Object.entries(repositoryFiles))("the files that %s adds type-check in their places", (document, places) => {
  const blocks = examplesOf(document);
  expect(blocks).toHaveLength(places.length);
  const files = new Map(places.flatMap((place, i) => (place ? [[path.join(root, place), blocks[i]!] as const] : [])));
  const read = ts.readConfigFile(path.join(root, "tsconfig.json"), (file) => ts.sys.readFile(file));
  const { options } = ts.parseJsonConfigFileContent(read.config, ts.sys, root);
  const host = ts.createCompilerHost(options);
  const isThere = host.fileExists.bind(host);
  const contentOf = host.readFile.bind(host);
  const sourceOf = host.getSourceFile.bind(host);
  const folders = new Set([...files.keys()].map((file) => path.dirname(file)));
  host.directoryExists = (folder) => folders.has(folder) || existsSync(folder);
  host.fileExists = (file) => files.has(file) || isThere(file);
  host.readFile = (file) => files.get(file) ?? contentOf(file);
  host.getSourceFile = (file, ...how) => {
    const code = files.get(file);
    return code === undefined ? sourceOf(file, ...how) : ts.createSourceFile(file, code, how[0]);
  };
  const program = ts.createProgram([...files.keys()], options, host);
  const faults = [...files.keys()].flatMap((file) => {
    const source = program.getSourceFile(file)!;
    return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)];
  });
  expect(faults.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, "\n"))).toEqual([]);
});

/** What surrounds the fragments in docs/architecture.md. */
const surroundings = [
  `import { Graph, compile, type Gpu } from "mganet-webgpu";
   import { jointLoss, type MGANet } from "mganet-webgpu/models";
   import type { Adam } from "mganet-webgpu/optim";
   declare const gpu: Gpu, net: MGANet, adam: Adam, image: Float32Array, label: Uint32Array, target: Float32Array;`,
  `import { alongFirst, type Kernel } from "./node_modules/mganet-webgpu/dist/src/kernels/kernel.js";
   declare const x: readonly number[], options: object;
   declare function someKernel(x: readonly number[], options: object): Kernel;`,
];

it("the fragments in docs/architecture.md type-check between what surrounds them", () => {
  const fragments = examplesOf("docs/architecture.md");
  expect(fragments).toHaveLength(surroundings.length);
  const modules = fragments.map((code, i) => `${surroundings[i]!}\n${code}\nexport {};`);
  expect(faultsOf(project, modules, onNode)).toEqual([]);
});
