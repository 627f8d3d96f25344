// Unpacks Mesa's software Vulkan driver (lavapipe) from the distribution's packages into a bundle (bundle.mjs).
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from "node:fs";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { fetchPackages } from "./apt.mjs";
import { bundleFormat, readBundle, sumOf } from "./bundle.mjs";
import { temporaryName } from "./cache.mjs";
import { closureOf } from "./closure.mjs";
import { LaunchError } from "./errors.mjs";

/**
 * @param {string} folder
 * @returns {string[]} all files below it, including links
 */
function filesBelow(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => path.join(entry.parentPath, entry.name));
}

/**
 * Picks what is needed from the unpacked packages: the loader, the driver, and the libraries that they load.
 * @param {string} root where the packages are unpacked
 * @param {string} stage folder to create
 * @param {Record<string, string>} versions
 * @throws {LaunchError} if something is missing
 */
export async function assemble(root, stage, versions) {
  const files = filesBelow(root);
  const find = (/** @type {RegExp} */ pattern) => {
    const file = files.find((f) => pattern.test(f));
    if (!file) throw new LaunchError(`the packages hold no file like ${pattern.source}`);
    return file;
  };
  const manifest = find(/\/icd\.d\/lvp_icd[^/]*\.json$/);
  const driver = find(/\/libvulkan_lvp\.so$/);
  const loader = find(/\/libvulkan\.so\.1$/);
  const folders = [...new Set(files.filter((f) => /\.so(\.|$)/.test(f)).map((f) => path.dirname(f)))];

  for (const folder of ["lib", "loader", "icd.d"]) mkdirSync(path.join(stage, folder), { recursive: true });
  const put = (/** @type {string} */ from, /** @type {string} */ to) => copyFileSync(from, path.join(stage, to));
  put(loader, "loader/libvulkan.so.1");
  put(driver, "lib/libvulkan_lvp.so");
  const needed = new Map([...(await closureOf(driver, folders)), ...(await closureOf(loader, folders))]);
  for (const [name, file] of needed) put(file, `lib/${name}`);
  const icd = JSON.parse(readFileSync(manifest, "utf8"));
  icd.ICD.library_path = "../lib/libvulkan_lvp.so"; // Relative to the manifest, so the bundle can be moved.
  writeFileSync(path.join(stage, "icd.d/lvp_icd.json"), JSON.stringify(icd, null, 2));

  // In the new place nothing may be missing, and nothing may still come from elsewhere.
  const lib = path.join(stage, "lib");
  for (const library of ["lib/libvulkan_lvp.so", "loader/libvulkan.so.1"])
    for (const [name, file] of await closureOf(path.join(stage, library), [lib]))
      if (path.dirname(file) !== lib) throw new LaunchError(`${library} takes ${name} from ${file}`);

  const sums = filesBelow(stage).map((file) => [path.relative(stage, file), sumOf(file)]);
  const marker = {
    format: bundleFormat,
    created: new Date().toISOString(),
    versions,
    files: Object.fromEntries(sums),
  };
  writeFileSync(path.join(stage, "bundle.json"), JSON.stringify(marker, null, 2));
}

/**
 * Removes leftovers of killed unpackings: temporary folders whose process is gone.
 * @param {string} parent
 */
export function sweep(parent) {
  for (const name of readdirSync(parent)) {
    const pid = /^\.tmp-(\d+)-/.exec(name)?.[1];
    if (!pid || existsSync(`/proc/${pid}`)) continue;
    // In a folder shared between machines or containers the process may live elsewhere: only old folders are leftovers.
    const changed = statSync(path.join(parent, name), { throwIfNoEntry: false })?.mtimeMs ?? Infinity;
    if (Date.now() - changed > 3600e3) rmSync(path.join(parent, name), { recursive: true, force: true });
  }
}

/**
 * Unpacks the driver into `folder`. The folder appears complete, by a rename, or not at all; of two concurrent processes, the
 * second uses what the first made.
 * @param {string} folder
 * @param {import("./apt.mjs").Plan} plan
 * @returns {Promise<import("./bundle.mjs").Bundle>}
 * @throws {LaunchError} that says what failed
 */
export async function unpackLavapipe(folder, plan) {
  const parent = path.dirname(folder);
  const work = path.join(parent, temporaryName());
  // Ctrl-C during the download: stop, clean up, then end as the signal would have.
  const abort = new AbortController();
  const stop = (/** @type {NodeJS.Signals} */ name) => abort.abort(name);
  const signals = /** @type {const} */ (["SIGINT", "SIGTERM", "SIGHUP"]);
  for (const name of signals) process.on(name, stop);
  try {
    mkdirSync(parent, { recursive: true, mode: 0o700 });
    mkdirSync(work, { mode: 0o700 });
    sweep(parent);
    const { root, versions } = await fetchPackages(["libvulkan1", "mesa-vulkan-drivers"], plan, work, abort.signal);
    await assemble(root, path.join(work, "stage"), versions);
    abort.signal.throwIfAborted();
    if (!readBundle(folder, { thorough: true })) {
      if (existsSync(folder)) renameSync(folder, path.join(work, "damaged"));
      renameSync(path.join(work, "stage"), folder);
    }
  } catch (error) {
    // If another process was faster between the check and the rename, all is well.
    if (!abort.signal.aborted && !readBundle(folder))
      throw new LaunchError(error instanceof Error ? error.message : String(error));
  } finally {
    rmSync(work, { recursive: true, force: true, maxRetries: 3 });
    for (const name of signals) process.off(name, stop);
  }
  if (abort.signal.aborted) {
    process.stderr.write("\n");
    process.kill(process.pid, abort.signal.reason);
  }
  const bundle = readBundle(folder);
  if (!bundle) throw new LaunchError(`the bundle in ${folder} is incomplete`);
  return bundle;
}
