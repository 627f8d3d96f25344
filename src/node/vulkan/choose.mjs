// Chooses the adapter: hardware; else an installed software driver; else lavapipe, unpacked into the cache.
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { bundleFolder, readBundle } from "./bundle.mjs";
import { installHint, readDistribution } from "./distribution.mjs";
import { driverVariables } from "./environment.mjs";
import { LaunchError } from "./errors.mjs";
import { findManifests, icdFolders, softwareManifests } from "./icd.mjs";
import { choiceFile, readChoice, writeChoice } from "./memory.mjs";
import { run } from "./run.mjs";

/** @typedef {import("./environment.mjs").Choice} Choice */
/** @typedef {Pick<Choice, "kind" | "icd" | "libraryFolders">} Candidate */
/** @typedef {{ description: string, software: boolean }} Adapter */

/**
 * Asks Dawn, in a separate process, for its adapter under a candidate's environment.
 * @param {Candidate} candidate
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<Adapter | undefined>} undefined if Dawn refuses the driver, or the driver crashes or hangs
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
    // The process died in the middle of a line.
  }
  if (answer.loadError) throw new LaunchError(`the npm package webgpu does not load: ${answer.loadError}`);
  return answer.description === undefined
    ? undefined
    : { description: answer.description, software: answer.software === true };
}

/**
 * Loads the unpacking code only when there is something to unpack.
 * @type {typeof import("./obtain.mjs").obtainBundle}
 */
const obtainLater = async (options) => (await import("./obtain.mjs")).obtainBundle(options);

/**
 * Chooses the adapter, and remembers the choice in the cache.
 * @param {object} options
 * @param {NodeJS.ProcessEnv} options.env
 * @param {string} options.cache folder
 * @param {(text: string) => void} options.say prints to the user's terminal
 * @param {boolean} [options.fresh] ignore an earlier choice
 * @param {typeof probe} [options.ask] for tests
 * @param {typeof obtainLater} [options.obtain] for tests
 * @param {string} [options.root] of the file system, for tests
 * @returns {Promise<Choice>}
 * @throws {LaunchError} if none is available
 */
export async function choose({ env, cache, say, fresh = false, ask = probe, obtain = obtainLater, root = "/" }) {
  const distribution = readDistribution(root);
  // An offline bundle brings the driver.
  const brought = env.MGANET_DRIVER;
  const folder = brought || bundleFolder(cache, distribution);
  const manifests = findManifests(icdFolders(env, root));
  let bundle = readBundle(folder, { thorough: fresh });
  const record = () => choiceFile(cache, { env, root, manifests, bundle: [folder, bundle?.stamp] });
  const remembered = fresh ? undefined : readChoice(record());
  if (remembered) return remembered;
  const decide = (/** @type {Candidate} */ candidate, /** @type {Adapter} */ adapter) => {
    const choice = { ...candidate, ...adapter };
    writeChoice(record(), choice);
    return choice;
  };

  /** @type {Candidate} */
  const system = { kind: "system", libraryFolders: [] };
  const found = await ask(system, env);
  // A driver named by the user is used, even a software driver.
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

  const renew = () => {
    if (brought)
      throw new LaunchError(
        `the driver in ${folder} (MGANET_DRIVER) is missing, damaged, or of another version of this program`,
      );
    if (existsSync(folder))
      say(`mganet: the driver in ${folder} is damaged, or of an earlier version of this program\n`);
    return obtain({ env, folder, distribution, say });
  };
  bundle ??= await renew();
  if (manifests.length > 0) {
    // A GPU driver without the loader, as in many containers.
    /** @type {Candidate} */
    const loader = { kind: "loader", libraryFolders: [bundle.loaderFolder] };
    const adapter = await ask(loader, env);
    if (adapter && !adapter.software) return decide(loader, adapter);
  }
  const askUnpacked = async (/** @type {import("./bundle.mjs").Bundle} */ { icd, loaderFolder, libraryFolder }) => {
    /** @type {Candidate} */
    const unpacked = { kind: "unpacked", icd, libraryFolders: [loaderFolder, libraryFolder] };
    const adapter = await ask(unpacked, env);
    return adapter && decide(unpacked, adapter);
  };
  const choice = await askUnpacked(bundle);
  if (choice) return choice;
  // The disk may have corrupted it without a trace.
  if (existsSync(folder) && !readBundle(folder, { thorough: true })) {
    bundle = await renew();
    const second = await askUnpacked(bundle);
    if (second) return second;
  }
  if (brought)
    throw new LaunchError(
      `the driver in ${folder} (MGANET_DRIVER) does not run on ${distribution.name}; it may need a newer C library. Install a GPU's driver, or a software one: ${installHint(distribution)}`,
    );
  throw new LaunchError(
    `Dawn refuses the software Vulkan driver of ${distribution.name} (Mesa ${bundle.version}), unpacked into ${folder}; ` +
      "25.0 is known to work.\nInstall a newer Mesa or a GPU's driver.",
  );
}
