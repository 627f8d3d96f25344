// Chooses the adapter: hardware; else an installed software driver; else lavapipe, unpacked into the cache.
import { createHash } from "node:crypto";
import { accessSync, constants, readdirSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { planPackages } from "./apt.mjs";
import { bundleFolder, readBundle } from "./bundle.mjs";
import { writeAtomic } from "./cache.mjs";
import { installHint, readDistribution } from "./distribution.mjs";
import { driverVariables } from "./environment.mjs";
import { LaunchError } from "./errors.mjs";
import { findManifests, icdFolders, softwareManifests } from "./icd.mjs";
import { run } from "./run.mjs";
import { unpackLavapipe } from "./unpack.mjs";

/** @typedef {import("./environment.mjs").Choice} Choice */
/** @typedef {Pick<Choice, "kind" | "icd" | "libraryFolders">} Candidate */
/** @typedef {{ description: string, software: boolean }} Adapter */

/** Variables that change what Dawn and the Vulkan loader find. */
const telling = [
  "DAWNNODE_BACKEND",
  "LD_LIBRARY_PATH",
  "VK_ADD_DRIVER_FILES",
  "VK_DRIVER_FILES",
  "VK_ICD_FILENAMES",
  "VK_LOADER_DRIVERS_DISABLE",
  "VK_LOADER_DRIVERS_SELECT",
];

/**
 * The device nodes of GPUs, each with whether this user may open it.
 * @param {string} [root] of the file system, for tests
 * @returns {string[]}
 */
export function deviceNodes(root = "/") {
  const list = (/** @type {string} */ folder, /** @type {RegExp} */ pattern) => {
    try {
      return readdirSync(path.join(root, folder))
        .filter((name) => pattern.test(name))
        .map((name) => path.join(root, folder, name));
    } catch {
      return [];
    }
  };
  return [...list("dev", /^(nvidia\d*|nvidiactl|dxg|mali\d*|kgsl-3d0)$/), ...list("dev/dri", /^(card|renderD)/)].map(
    (node) => {
      try {
        accessSync(node, constants.R_OK | constants.W_OK);
        return node;
      } catch {
        return `${node} (no access)`;
      }
    },
  );
}

/**
 * Names everything that a choice depends on, so that a remembered choice is used for as long as nothing of it has changed.
 * @param {NodeJS.ProcessEnv} env
 * @param {object} state what else there is: drivers, bundle, devices
 * @returns {string} a hash
 */
export function decisionKey(env, state) {
  const variables = telling.map((name) => [name, env[name] ?? ""]);
  return createHash("sha256")
    .update(JSON.stringify([variables, state]))
    .digest("hex")
    .slice(0, 16);
}

/** @returns {string} the version of the webgpu package; empty if it cannot be told */
function webgpuVersion() {
  try {
    const main = fileURLToPath(import.meta.resolve("webgpu"));
    return JSON.parse(readFileSync(path.join(path.dirname(main), "package.json"), "utf8")).version;
  } catch {
    return "";
  }
}

/**
 * Asks Dawn, in a process of its own, for its adapter under a candidate's environment.
 * @param {Candidate} candidate
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<Adapter | undefined>} undefined if Dawn refuses the driver, or it crashes or hangs
 * @throws {LaunchError} if the webgpu package does not load at all
 */
export async function probe(candidate, env) {
  const script = fileURLToPath(new URL("probe.mjs", import.meta.url));
  const { stdout } = await run(process.execPath, [script], {
    env: { ...env, ...driverVariables(candidate, env) },
    timeout: 60_000,
  });
  /** @type {{ loadError?: string, description?: string, software?: boolean }} */
  let answer = {};
  try {
    answer = JSON.parse(stdout.trim().split("\n").at(-1) || "{}");
  } catch {
    // It died in the middle of a line.
  }
  if (answer.loadError) throw new LaunchError(`the npm package webgpu does not load: ${answer.loadError}`);
  return answer.description === undefined
    ? undefined
    : { description: answer.description, software: answer.software === true };
}

/** A choice is made anew after this long, in milliseconds: what made a GPU fail may have passed without a trace. */
const maxAge = 24 * 3600e3;

/**
 * @param {string} file
 * @returns {Choice | undefined}
 */
function readChoice(file) {
  try {
    if (Date.now() - statSync(file).mtimeMs > maxAge) return undefined;
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return undefined;
  }
}

/**
 * Chooses the adapter, and remembers the choice in the cache.
 * @param {object} options
 * @param {NodeJS.ProcessEnv} options.env
 * @param {string} options.cache folder
 * @param {(text: string) => void} options.say prints to the person at the terminal
 * @param {boolean} [options.fresh] choose anew, whatever was chosen before
 * @param {typeof probe} [options.ask] for tests
 * @param {typeof obtainBundle} [options.obtain] for tests
 * @param {string} [options.root] of the file system, for tests
 * @returns {Promise<Choice>}
 * @throws {LaunchError} if there is none to be had
 */
export async function choose({ env, cache, say, fresh = false, ask = probe, obtain = obtainBundle, root = "/" }) {
  const distribution = readDistribution(root);
  const folder = bundleFolder(cache, distribution);
  const manifests = findManifests(icdFolders(env, root));
  let bundle = readBundle(folder);
  const record = () => {
    const key = decisionKey(env, {
      webgpu: webgpuVersion(),
      manifests,
      bundle: [folder, bundle?.stamp],
      devices: deviceNodes(root),
      // Changes when a library is installed, such as the Vulkan loader.
      libraries: statSync(path.join(root, "etc/ld.so.cache"), { throwIfNoEntry: false })?.mtimeMs,
    });
    return path.join(cache, "vulkan", `choice-${key}.json`);
  };
  const remembered = fresh ? undefined : readChoice(record());
  if (remembered) return remembered;
  const decide = (/** @type {Candidate} */ candidate, /** @type {Adapter} */ adapter) => {
    const choice = { ...candidate, ...adapter };
    try {
      writeAtomic(record(), JSON.stringify(choice));
    } catch {
      // A cache that cannot be written costs time at the next start, no more.
    }
    return choice;
  };

  /** @type {Candidate} */
  const system = { kind: "system", libraryFolders: [] };
  const found = await ask(system, env);
  // Who names a driver gets it, be it a software driver.
  const named = env.VK_DRIVER_FILES || env.VK_ICD_FILENAMES;
  if (found && (!found.software || named)) return decide(system, found);
  if (named) say(`mganet: Dawn finds no adapter with the driver ${named}; looking for another one\n`);
  for (const { file } of softwareManifests(manifests)) {
    /** @type {Candidate} */
    const installed = { kind: "installed", icd: file, libraryFolders: [] };
    const adapter = await ask(installed, env);
    if (adapter) return decide(installed, adapter);
  }
  if (found) return decide(system, found);

  bundle ??= await obtain({ env, folder, distribution, say });
  if (manifests.length > 0) {
    // A GPU's driver without the loader, as in many containers.
    /** @type {Candidate} */
    const loader = { kind: "loader", libraryFolders: [bundle.loaderFolder] };
    const adapter = await ask(loader, env);
    if (adapter && !adapter.software) return decide(loader, adapter);
  }
  /** @type {Candidate} */
  const unpacked = { kind: "unpacked", icd: bundle.icd, libraryFolders: [bundle.loaderFolder, bundle.libraryFolder] };
  const adapter = await ask(unpacked, env);
  if (adapter) return decide(unpacked, adapter);
  throw new LaunchError(
    `Dawn refuses the software Vulkan driver of ${distribution.name} (Mesa ${bundle.version}); 25.0 is known to work.\n` +
      "Install a newer Mesa or a GPU's driver.",
  );
}

/**
 * Unpacks the software driver, and says so in one line.
 * @param {object} options
 * @param {NodeJS.ProcessEnv} options.env
 * @param {string} options.folder
 * @param {import("./distribution.mjs").Distribution} options.distribution
 * @param {(text: string) => void} options.say
 * @returns {Promise<import("./bundle.mjs").Bundle>}
 * @throws {LaunchError} that says what to install instead
 */
async function obtainBundle({ env, folder, distribution, say }) {
  const none = "no GPU driver and no software Vulkan driver that Dawn accepts was found";
  const hint = `Install a GPU's driver, or a software one: ${installHint(distribution)}`;
  if (env.MGANET_OFFLINE && env.MGANET_OFFLINE !== "0")
    throw new LaunchError(`${none}, and MGANET_OFFLINE forbids to fetch one.\n${hint}`);
  let saying = false;
  try {
    const plan = planPackages(distribution, env);
    const start = Date.now();
    say(`mganet: ${none}; unpacking lavapipe from the packages of ${distribution.name} into ${folder} ... `);
    saying = true;
    const bundle = await unpackLavapipe(folder, plan);
    say(`done (${((Date.now() - start) / 1000).toFixed(0)} s)\n`);
    return bundle;
  } catch (error) {
    if (saying) say("failed\n");
    if (!(error instanceof LaunchError)) throw error;
    throw new LaunchError(`${saying ? "" : `${none}; `}${error.message}\n${hint}`);
  }
}
