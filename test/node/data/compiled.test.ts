import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { expect, test } from "vitest";
import { temporaryFolder, writeDdti } from "./images.ts";

const root = fileURLToPath(new URL("../../../", import.meta.url));

/** Uses the data part from end to end, and never closes its loader. */
const program = `
  import { openDataset } from "./src/node/data/open.js";
  import { prepareDataset } from "./src/node/data/prepare.js";
  import { BatchLoader } from "./src/node/data/loader.js";
  const dataset = await openDataset(process.argv[2]);
  const { prepared } = await prepareDataset(dataset, { width: 32, height: 32, crop: "adaptive", workers: 2 });
  const loader = new BatchLoader(prepared);
  for await (const batch of loader.epoch({ seed: 1, epoch: 0, batchSize: 4 })) {
    console.log(batch.ids.length, batch.image.length);
    break;
  }
`;

test("compiled to JavaScript, workers and all run without tsx, and the process ends by itself", async () => {
  const dir = temporaryFolder();
  await writeDdti(dir, 6);
  const dist = temporaryFolder();
  const sources = ["src/data", "src/node", "src/gpu", "src/runs"].flatMap((folder) =>
    readdirSync(path.join(root, folder), { recursive: true, encoding: "utf8" }).map((name) => path.join(folder, name)),
  );
  for (const file of sources.filter((name) => name.endsWith(".mjs"))) {
    mkdirSync(path.dirname(path.join(dist, file)), { recursive: true });
    copyFileSync(path.join(root, file), path.join(dist, file));
  }
  for (const file of sources.filter((name) => name.endsWith(".ts"))) {
    const { outputText } = ts.transpileModule(readFileSync(path.join(root, file), "utf8"), {
      compilerOptions: {
        target: ts.ScriptTarget.ES2022,
        module: ts.ModuleKind.ESNext,
        rewriteRelativeImportExtensions: true,
        verbatimModuleSyntax: true,
      },
    });
    const out = path.join(dist, file.replace(/\.ts$/, ".js"));
    mkdirSync(path.dirname(out), { recursive: true });
    writeFileSync(out, outputText);
  }
  symlinkSync(path.join(root, "node_modules"), path.join(dist, "node_modules"));
  writeFileSync(path.join(dist, "package.json"), '{ "type": "module" }');
  writeFileSync(path.join(dist, "main.js"), program);
  const { status, stdout, stderr } = spawnSync(process.execPath, ["main.js", dir], {
    cwd: dist,
    encoding: "utf8",
    timeout: 600_000,
  });
  expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: "4 12288\n", stderr: "" });
});
