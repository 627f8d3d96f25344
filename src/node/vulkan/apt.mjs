// Fetches the distribution's packages with apt-get, which checks them against the signed index, but with private state:
// no root, nothing installed, the system's own apt untouched.
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import path from "node:path";
import { formatSources, readSources, selectSources } from "./apt-sources.mjs";
import { suitesOf } from "./distribution.mjs";
import { LaunchError } from "./errors.mjs";
import { run } from "./run.mjs";

/** @type {Record<string, string>} Node's name of a CPU architecture → Debian's */
const architectures = { x64: "amd64", arm64: "arm64" };

/**
 * @typedef {object} Plan where to take packages from
 * @property {string} architecture
 * @property {import("./apt-sources.mjs").Source[]} sources
 * @property {string | undefined} release preferred over the others
 */

/**
 * Plans where to fetch this system's packages from.
 * @param {import("./distribution.mjs").Distribution} distribution
 * @param {NodeJS.ProcessEnv} [env]
 * @param {string} [folder] apt's configuration, for tests
 * @returns {Plan}
 * @throws {LaunchError} if they are unavailable
 */
export function planPackages(distribution, env = process.env, folder = "/etc/apt") {
  const onPath = (/** @type {string} */ tool) =>
    (env.PATH ?? "").split(":").some((p) => existsSync(path.join(p, tool)));
  for (const tool of ["apt-get", "dpkg-deb", "ldd"])
    if (!onPath(tool))
      throw new LaunchError(`there is no ${tool} here, which is needed to unpack a driver from packages`);
  const architecture = architectures[process.arch];
  if (!architecture) throw new LaunchError(`no packages are known for ${process.arch} processors`);
  const wanted = suitesOf(distribution);
  const sources = selectSources(readSources(folder), wanted, distribution.id);
  if (sources.length === 0) throw new LaunchError(`apt's sources do not name the packages of ${distribution.name}`);
  return { architecture, sources, release: wanted.backports };
}

/**
 * Configuration that gives apt private state, but keeps the system's proxies, certificates and credentials.
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
APT::Sandbox::User "root"; // Not _apt, which may not enter a private folder.
APT::Update::Error-Mode "any";
APT::Install-Recommends "false";
Acquire::Languages "none";
Acquire::Retries "2";
Acquire::http::Timeout "20";
Acquire::https::Timeout "20";
// The system's hooks would act on the system.
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
`;
}

/**
 * The packages to fetch, from the output of a simulated installation. The C and C++ runtime is always the system's own, and
 * anything but libraries (data, interpreters) is not needed to run the driver.
 * @param {string} simulation output of `apt-get --simulate install`
 * @returns {Map<string, string>} name → version
 */
export function parseSimulation(simulation) {
  /** @type {Map<string, string>} */
  const packages = new Map();
  for (const [, name = "", version = ""] of simulation.matchAll(/^Inst (\S+) \((\S+)/gm)) {
    const runtime =
      /^(libc6|libc-|libgcc|libstdc\+\+|libcrypt|libpython)/.test(name) || /-(common|data|bin)$/.test(name);
    if (/^(lib|zlib1g$|mesa-vulkan-drivers$)/.test(name) && !runtime) packages.set(name, version);
  }
  return packages;
}

/**
 * A program's own error message, shortened.
 * @param {import("./run.mjs").Outcome} outcome
 * @returns {string}
 */
function complaint({ stdout, stderr, code }) {
  const lines = `${stderr}\n${stdout}`.split("\n").filter(Boolean);
  const told = lines.filter((line) => /^(E:|Err:|dpkg-deb: error)/.test(line));
  return (told.length > 0 ? told : lines).slice(0, 2).join(" ").trim() || `exit code ${code}`;
}

/**
 * Fetches and unpacks packages with all their dependencies.
 * @param {string[]} names
 * @param {Plan} plan
 * @param {string} work an empty folder, to be removed by the caller
 * @param {AbortSignal} signal
 * @returns {Promise<{ root: string, versions: Record<string, string> }>} root: the folder they are unpacked in
 * @throws {LaunchError} with apt's error message
 */
export async function fetchPackages(names, plan, work, signal) {
  const at = (/** @type {string} */ name) => path.join(work, name);
  for (const folder of ["state/lists/partial", "cache/archives/partial", "debs", "root"])
    mkdirSync(at(folder), { recursive: true });
  writeFileSync(at("apt.conf"), aptConfiguration(work));
  writeFileSync(at("apt.sources"), formatSources(plan.sources, plan.architecture));
  writeFileSync(at("state/status"), ""); // As if nothing were installed, to get all dependencies.

  const must = async (/** @type {string} */ file, /** @type {string[]} */ args, /** @type {string} */ what) => {
    const env = { ...process.env, LC_ALL: "C" };
    const outcome = await run(file, args, { cwd: at("debs"), signal, timeout: 600_000, env });
    if (outcome.code !== 0) throw new LaunchError(`${file} ${what} failed: ${complaint(outcome)}`);
    return outcome.stdout;
  };
  const apt = (/** @type {string} */ command, /** @type {string[]} */ args) =>
    must(
      "apt-get",
      ["-q", "-c", at("apt.conf"), ...(plan.release ? ["-t", plan.release] : []), command, ...args],
      command,
    );

  await apt("update", []);
  const packages = parseSimulation(await apt("install", ["--simulate", ...names]));
  await apt(
    "download",
    [...packages].map(([name, version]) => `${name}=${version}`),
  );
  const debs = readdirSync(at("debs")).filter((file) => file.endsWith(".deb"));
  if (debs.length !== packages.size) throw new LaunchError(`${packages.size} packages wanted, ${debs.length} arrived`);
  const opener = async () => {
    for (let deb = debs.pop(); deb; deb = debs.pop()) await must("dpkg-deb", ["--extract", deb, at("root")], deb);
  };
  // All must have finished before the caller removes the folder.
  const ends = await Promise.allSettled(Array.from({ length: availableParallelism() }, opener));
  for (const end of ends) if (end.status === "rejected") throw end.reason;
  return { root: at("root"), versions: Object.fromEntries(packages) };
}
