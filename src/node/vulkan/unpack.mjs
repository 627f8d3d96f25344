// Unpacks Mesa's software Vulkan driver (lavapipe) from the distribution's packages: no root, nothing installed.
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { availableParallelism } from "node:os";
import path from "node:path";
import { formatSources, readSources, selectSources } from "./apt-sources.mjs";
import { bundleFormat, readBundle } from "./bundle.mjs";
import { temporaryName } from "./cache.mjs";
import { closureOf } from "./closure.mjs";
import { installHint, suitesOf } from "./distribution.mjs";
import { LaunchError } from "./errors.mjs";
import { run } from "./run.mjs";

/** @typedef {import("./distribution.mjs").Distribution} Distribution */

/** @type {Record<string, string>} Node's name of a processor → Debian's */
const architectures = { x64: "amd64", arm64: "arm64" };

/**
 * Configuration that gives apt a private state, and leaves the system's proxies, certificates and credentials in force.
 * @param {string} work folder
 * @returns {string}
 */
function aptConfiguration(work) {
  const at = (/** @type {string} */ name) => JSON.stringify(path.join(work, name));
  return `
Dir::Etc::SourceList ${at("apt.sources")};
Dir::Etc::SourceParts "/dev/null";
Dir::Etc::Preferences "/dev/null";
Dir::Etc::PreferencesParts "/dev/null";
Dir::State ${at("state")};
Dir::State::Lists ${at("state/lists")};
Dir::State::Status ${at("state/status")};
Dir::Cache ${at("cache")};
Debug::NoLocking "true";
APT::Sandbox::User "root"; // Not _apt, who may not enter a private folder.
APT::Update::Error-Mode "any";
APT::Install-Recommends "false";
Acquire::Languages "none";
Acquire::Retries "2";
Acquire::http::Timeout "20";
Acquire::https::Timeout "20";
// Hooks of the system would act on the system.
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
`;
}

/**
 * The packages to fetch, from the output of a simulated installation. The C and C++ runtime is always the system's own, and
 * what is no library (data, interpreters) is not needed to run the driver.
 * @param {string} simulation output of `apt-get --simulate install`
 * @returns {Map<string, string>} name → version
 */
export function parseSimulation(simulation) {
  /** @type {Map<string, string>} */
  const packages = new Map();
  for (const [, name, version] of simulation.matchAll(/^Inst (\S+) \((\S+)/gm)) {
    const runtime =
      /^(libc6|libc-|libgcc|libstdc\+\+|libcrypt|libpython)/.test(name) || /-(common|data|bin)$/.test(name);
    if ((name.startsWith("lib") && !runtime) || name === "mesa-vulkan-drivers") packages.set(name, version);
  }
  return packages;
}

/**
 * apt-get's own complaint, in short.
 * @param {import("./run.mjs").Outcome} outcome
 * @returns {string}
 */
function complaint({ stdout, stderr, missing, code }) {
  if (missing) return "not found on this system";
  const lines = `${stderr}\n${stdout}`.split("\n");
  const told = lines.filter((line) => /^(E:|Err:|dpkg-deb: error)/.test(line));
  return (told.length > 0 ? told : lines.filter(Boolean)).slice(0, 2).join(" ").trim() || `exit code ${code}`;
}

/**
 * @param {string} folder
 * @returns {string[]} all files below it, links included
 */
function filesBelow(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => path.join(entry.parentPath, entry.name));
}

/**
 * Fetches and opens the packages below `work`.
 * @param {string} work folder, empty
 * @param {Distribution} distribution
 * @param {AbortSignal} signal
 * @returns {Promise<{ root: string, versions: Record<string, string> }>}
 */
async function fetchPackages(work, distribution, signal) {
  const architecture = architectures[process.arch];
  const wanted = suitesOf(distribution);
  const sources = selectSources(readSources(), wanted, distribution.id);
  if (!architecture) throw new LaunchError(`there are no such packages for ${process.arch}`);
  if (sources.length === 0) throw new LaunchError(`apt's sources do not name the packages of ${distribution.name}`);

  for (const folder of ["state/lists/partial", "cache/archives/partial", "debs", "root"])
    mkdirSync(path.join(work, folder), { recursive: true });
  const configuration = path.join(work, "apt.conf");
  writeFileSync(configuration, aptConfiguration(work));
  writeFileSync(path.join(work, "apt.sources"), formatSources(sources, architecture));
  writeFileSync(path.join(work, "state/status"), "");

  const must = async (/** @type {string} */ file, /** @type {string[]} */ args, /** @type {string} */ cwd) => {
    const outcome = await run(file, args, { cwd, signal, timeout: 600_000, env: { ...process.env, LC_ALL: "C" } });
    if (outcome.code !== 0) throw new LaunchError(`${file} ${args.at(-1)}: ${complaint(outcome)}`);
    return outcome.stdout;
  };
  const apt = (/** @type {string[]} */ ...args) =>
    must("apt-get", ["-q", "-c", configuration, ...args], path.join(work, "debs"));

  await apt("update");
  const release = wanted.backports ? ["-t", wanted.backports] : [];
  const packages = parseSimulation(await apt(...release, "--simulate", "install", "libvulkan1", "mesa-vulkan-drivers"));
  // apt checks each package against the signed index.
  await apt("download", ...[...packages].map(([name, version]) => `${name}=${version}`));

  const root = path.join(work, "root");
  const debs = filesBelow(path.join(work, "debs")).filter((file) => file.endsWith(".deb"));
  if (debs.length !== packages.size) throw new LaunchError(`${packages.size} packages asked for, ${debs.length} came`);
  const opener = async () => {
    for (let deb = debs.pop(); deb; deb = debs.pop()) await must("dpkg-deb", ["--extract", deb, root], work);
  };
  await Promise.all(Array.from({ length: availableParallelism() }, opener));
  return { root, versions: Object.fromEntries(packages) };
}

/**
 * Copies what is needed out of the opened packages: the loader, the driver, and the libraries that they load.
 * @param {string} root where the packages were opened
 * @param {string} stage folder to make
 * @param {Record<string, string>} versions
 */
async function assemble(root, stage, versions) {
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
  const put = (/** @type {string} */ from, /** @type {string} */ to) =>
    cpSync(realpathSync(from), path.join(stage, to));
  put(loader, "loader/libvulkan.so.1");
  put(driver, "lib/libvulkan_lvp.so");
  for (const library of [driver, loader])
    for (const [name, file] of await closureOf(library, folders)) put(file, `lib/${name}`);
  const icd = JSON.parse(readFileSync(manifest, "utf8"));
  icd.ICD.library_path = "../lib/libvulkan_lvp.so"; // Relative to the manifest, so the bundle can be moved.
  writeFileSync(path.join(stage, "icd.d/lvp_icd.json"), JSON.stringify(icd, null, 2));

  // Nothing must be missing in the new place, and nothing may still come from the old one.
  for (const library of ["lib/libvulkan_lvp.so", "loader/libvulkan.so.1"])
    for (const [name, file] of await closureOf(path.join(stage, library), [path.join(stage, "lib")]))
      if (path.dirname(file) !== path.join(stage, "lib")) throw new LaunchError(`${name} was left behind in ${file}`);

  const sizes = filesBelow(stage).map((file) => [path.relative(stage, file), statSync(file).size]);
  writeFileSync(
    path.join(stage, "bundle.json"),
    JSON.stringify(
      { format: bundleFormat, created: new Date().toISOString(), versions, files: Object.fromEntries(sizes) },
      null,
      2,
    ),
  );
}

/**
 * Removes what unpackings that were killed left behind: temporary folders whose process is gone.
 * @param {string} parent
 */
function sweep(parent) {
  for (const name of existsSync(parent) ? readdirSync(parent) : []) {
    const pid = /^\.tmp-(\d+)-/.exec(name)?.[1];
    // A folder shared with another machine shows pids that mean nothing here, so age counts as well.
    const old =
      pid && Date.now() - (statSync(path.join(parent, name), { throwIfNoEntry: false })?.mtimeMs ?? 0) > 3600e3;
    if (old && !existsSync(`/proc/${pid}`)) rmSync(path.join(parent, name), { recursive: true, force: true });
  }
}

/**
 * Unpacks the driver into `folder`. The folder appears whole, by a rename, or not at all; of two processes that do this at
 * once the second finds the work done.
 * @param {string} folder
 * @param {Distribution} distribution
 * @returns {Promise<import("./bundle.mjs").Bundle>}
 * @throws {LaunchError} that says what failed and what to install instead
 */
export async function unpackLavapipe(folder, distribution) {
  const parent = path.dirname(folder);
  const work = path.join(parent, temporaryName());
  const abort = new AbortController();
  // Ctrl-C while packages come in: stop, clear away, end as if by the signal.
  /** @type {NodeJS.Signals | undefined} */
  let interrupted;
  const stop = (/** @type {NodeJS.Signals} */ name) => {
    interrupted = name;
    abort.abort();
  };
  const signals = /** @type {const} */ (["SIGINT", "SIGTERM", "SIGHUP"]);
  for (const name of signals) process.on(name, stop);
  try {
    mkdirSync(work, { recursive: true, mode: 0o700 });
    sweep(parent);
    const { root, versions } = await fetchPackages(work, distribution, abort.signal);
    const stage = path.join(work, "stage");
    await assemble(root, stage, versions);
    if (!interrupted && !readBundle(folder)) {
      if (existsSync(folder)) renameSync(folder, path.join(work, "damaged"));
      renameSync(stage, folder);
    }
  } catch (error) {
    // Somebody else may have put theirs there between the check and the rename.
    if (!readBundle(folder) && !interrupted)
      throw new LaunchError(
        `cannot unpack the software Vulkan driver from ${distribution.name}'s packages: ` +
          `${error instanceof Error ? error.message : String(error)}\nInstall one instead: ${installHint(distribution)}`,
      );
  } finally {
    rmSync(work, { recursive: true, force: true, maxRetries: 3 });
    for (const name of signals) process.off(name, stop);
  }
  if (interrupted) process.kill(process.pid, interrupted);
  const bundle = readBundle(folder);
  if (!bundle)
    throw new LaunchError(`the software Vulkan driver in ${folder} is damaged: remove that folder and start again`);
  return bundle;
}
