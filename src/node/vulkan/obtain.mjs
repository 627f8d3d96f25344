// Gets the software driver from the distribution's packages, and tells the user.
import { planPackages } from "./apt.mjs";
import { installHint } from "./distribution.mjs";
import { LaunchError } from "./errors.mjs";
import { unpackLavapipe } from "./unpack.mjs";

/**
 * Unpacks the software driver, and reports it in one line.
 * @param {object} options
 * @param {NodeJS.ProcessEnv} options.env
 * @param {string} options.folder
 * @param {import("./distribution.mjs").Distribution} options.distribution
 * @param {(text: string) => void} options.say
 * @returns {Promise<import("./bundle.mjs").Bundle>}
 * @throws {LaunchError} that says what to install instead
 */
export async function obtainBundle({ env, folder, distribution, say }) {
  const none = "no GPU driver and no software Vulkan driver that Dawn accepts was found";
  const hint = `Install a GPU's driver, or a software one: ${installHint(distribution)}`;
  if (env.MGANET_OFFLINE && env.MGANET_OFFLINE !== "0")
    throw new LaunchError(`${none}, and MGANET_OFFLINE forbids fetching one.\n${hint}`);
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
