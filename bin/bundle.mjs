// `npm run bundle`: writes one archive with all that a machine without a network needs to run the command line, but Node: the build,
// its packages, on Linux a software Vulkan driver, and a model if one is given.
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { closure, ofCommandLine, ofLibrary } from "../lint/dependencies.mjs";
import { manifest } from "../src/node/packages.mjs";
import { bundleFolder, readBundle } from "../src/node/vulkan/bundle.mjs";
import { cacheFolder } from "../src/node/vulkan/cache.mjs";
import { readDistribution } from "../src/node/vulkan/distribution.mjs";
import { LaunchError } from "../src/node/vulkan/errors.mjs";
import { report } from "../src/node/vulkan/launch.mjs";
import { obtainBundle } from "../src/node/vulkan/obtain.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const PLATFORM = `${process.platform}-${process.arch}`;

const usage = `Usage: npm run bundle -- [--run DIR | --model FILE] [--no-driver] [--out FILE]
  --run DIR     put the best checkpoint of this run into the archive
  --model FILE  put this checkpoint into it
  --no-driver   leave the software Vulkan driver out: the other machine has a driver
  --out FILE    the archive (default: mganet-${manifest.version}-${PLATFORM}.tar.gz)`;

/** The command's options. @throws {LaunchError} for what cannot be meant */
function readOptions() {
  try {
    const { values } = parseArgs({
      options: {
        run: { type: "string" },
        model: { type: "string" },
        out: { type: "string", default: `mganet-${manifest.version}-${PLATFORM}.tar.gz` },
        "no-driver": { type: "boolean", default: false },
        help: { type: "boolean", default: false },
      },
    });
    if (values.run !== undefined && values.model !== undefined) throw new Error("give --run or --model, not both");
    return values;
  } catch (error) {
    throw new LaunchError(`${error instanceof Error ? error.message : error}\n${usage}`);
  }
}

/**
 * The checkpoint to bring.
 * @param {{ run?: string, model?: string }} options
 * @returns {string | undefined}
 */
function checkpointOf({ run, model }) {
  if (run === undefined && model === undefined) return undefined;
  const names =
    run === undefined ? [model ?? ""] : ["best", "last"].map((name) => path.join(run, `${name}.safetensors`));
  const file = names.find((name) => existsSync(name));
  if (file === undefined) throw new LaunchError(`${names.join(" and ")}: there is no such file`);
  return file;
}

/** @param {string} program @param {string[]} args @param {string} what failed, if it does */
function run(program, args, what) {
  const { status, error } = spawnSync(program, args, { cwd: root, stdio: ["ignore", "inherit", "inherit"] });
  if (status !== 0) throw new LaunchError(`${what} failed${error ? `: ${error.message}` : ""}`);
}

/** What npm would pack but the build, relative to the project. @returns {string[]} @throws {LaunchError} if npm fails */
function packedFiles() {
  const args = ["pack", "--dry-run", "--json", "--ignore-scripts"];
  const shell = process.platform === "win32"; // There npm is a batch file.
  const { status, error, stdout } = spawnSync("npm", args, { cwd: root, encoding: "utf8", shell });
  if (status !== 0) throw new LaunchError(`npm ${args.join(" ")} failed${error ? `: ${error.message}` : ""}`);
  const [{ files }] = /** @type {[{ files: { path: string }[] }]} */ (JSON.parse(stdout));
  return files.map((file) => file.path).filter((file) => !file.startsWith("dist/"));
}

/** The package itself, as npm would install it, without declarations. @param {string} folder */
function writePackage(folder) {
  for (const name of packedFiles()) cpSync(path.join(root, name), path.join(folder, name));
  const tsc = createRequire(import.meta.url).resolve("typescript/bin/tsc");
  const options = ["--noCheck", "--declaration", "false", "--outDir", path.join(folder, "dist")];
  run(process.execPath, [tsc, "-p", "tsconfig.build.json", ...options], "the build");
}

/** Dawn's binary of another platform, or a package's tests and sources of its own build. @param {string} file */
const isOfOthers = (file) => {
  const [, platform] = /node_modules[\\/]webgpu[\\/]dist[\\/]([a-z0-9-]+)/.exec(file) ?? [];
  const ours = process.platform === "darwin" ? "darwin-universal" : PLATFORM;
  return platform !== undefined && platform !== ours;
};

/** Its packages, as installed here. @param {string} folder @throws {LaunchError} if one is missing */
function writePackages(folder) {
  for (const [at, { optional }] of closure([...ofLibrary, ...ofCommandLine])) {
    const from = path.join(root, at);
    const to = path.join(folder, at.slice("node_modules/".length));
    if (existsSync(from)) {
      const nested = path.join(from, "node_modules");
      cpSync(from, to, { recursive: true, filter: (file) => !isOfOthers(file) && !file.startsWith(nested) });
    } else if (!optional) throw new LaunchError(`${at} is missing: run npm ci first`);
  }
}

/** The software driver, from the cache or the distribution's packages. @param {string} folder @returns {Promise<string>} what it is */
async function writeDriver(folder) {
  const distribution = readDistribution();
  const cached = bundleFolder(cacheFolder(), distribution);
  const say = (/** @type {string} */ text) => process.stderr.write(text);
  const driver =
    readBundle(cached, { thorough: true }) ??
    (await obtainBundle({ env: process.env, folder: cached, distribution, say }));
  cpSync(driver.folder, folder, { recursive: true });
  rmSync(path.join(folder, "verified.json"), { force: true });
  return `Mesa ${driver.version} (lavapipe) and its libraries, from the packages of ${distribution.name}`;
}

const launcher = `#!/bin/sh
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
command -v node >/dev/null || { echo "mganet: Node 20.19 or newer is not on the PATH" >&2; exit 2; }
export MGANET_OFFLINE=1 MGANET_COMMAND="$0"
[ ! -d "$here/driver" ] || export MGANET_DRIVER="\${MGANET_DRIVER:-$here/driver}"
exec node "$here/node_modules/mganet-webgpu/bin/mganet.mjs" "$@"
`;
const windowsLauncher = `@set MGANET_OFFLINE=1\r\n@set MGANET_COMMAND=mganet\r\n@node "%~dp0node_modules\\mganet-webgpu\\bin\\mganet.mjs" %*\r\n`;

/** @param {{ driver: string | undefined, model: string | undefined }} contents */
const readme = ({ driver, model }) => `MGA-Net on WebGPU ${manifest.version} for ${PLATFORM}, without a network.

    ./mganet doctor           what this machine computes with
    ./mganet verify           whether it agrees with PyTorch
    ./mganet --help           all commands
${model ? `    ./mganet predict --run ${model} IMAGE...\n` : ""}
Node 20.19 or newer must be on the PATH. Nothing else is installed or fetched. Compiled shaders are kept in ~/.cache/mganet.
${driver ? `\ndriver/: ${driver}; versions are in driver/bundle.json, licences in those packages. It is used where no GPU driver is installed,\nand runs on the same distribution or one with a newer C library.\n` : ""}
Licences: LICENSE, THIRD-PARTY.md and each package's own, in node_modules.
For research; not a medical device.
`;

/** @returns {Promise<void>} */
async function bundle() {
  const options = readOptions();
  if (options.help) return console.log(usage);
  const checkpoint = checkpointOf(options);
  const out = path.resolve(options.out);
  const stage = mkdtempSync(path.join(tmpdir(), "mganet-bundle-"));
  try {
    const folder = path.join(stage, `mganet-${manifest.version}`);
    const own = path.join(folder, "node_modules/mganet-webgpu");
    mkdirSync(own, { recursive: true });
    writePackage(own);
    writePackages(path.join(folder, "node_modules"));
    const withDriver = process.platform === "linux" && !options["no-driver"];
    const driver = withDriver ? await writeDriver(path.join(folder, "driver")) : undefined;
    const model = checkpoint && `model/${path.basename(checkpoint)}`;
    if (checkpoint && model) cpSync(checkpoint, path.join(folder, model));
    for (const name of ["LICENSE", "THIRD-PARTY.md"]) cpSync(path.join(root, name), path.join(folder, name));
    writeFileSync(path.join(folder, "README.txt"), readme({ driver, model }));
    if (process.platform === "win32") writeFileSync(path.join(folder, "mganet.cmd"), windowsLauncher);
    else writeFileSync(path.join(folder, "mganet"), launcher, { mode: 0o755 });
    mkdirSync(path.dirname(out), { recursive: true });
    const whole = path.join(path.dirname(out), `.${path.basename(out)}-${process.pid}.tmp`);
    try {
      run("tar", ["-czf", whole, "-C", stage, ...readdirSync(stage)], "tar");
      renameSync(whole, out);
    } finally {
      rmSync(whole, { force: true });
    }
    console.log(
      `${out}: the command line${driver ? ", a software driver" : ""}${model ? `, ${model}` : ""}; unpack it and read README.txt`,
    );
  } finally {
    rmSync(stage, { recursive: true, force: true });
  }
}

await bundle().catch(report);
