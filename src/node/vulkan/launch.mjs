// Runs the program in the environment that the chosen driver needs.
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { constants } from "node:os";
import { pathToFileURL } from "node:url";
import { cacheFolder } from "./cache.mjs";
import { choose } from "./choose.mjs";
import { withoutDawnWarnings } from "./dawn-warnings.mjs";
import { readyVariable, variablesFor } from "./environment.mjs";
import { LaunchError } from "./errors.mjs";
import { hasFewFiles } from "./few-files.mjs";
import { openCache } from "./private.mjs";
import { stderrVariable } from "./stderr.mjs";

export { shellExports } from "./environment.mjs";

/**
 * The variables to add to the environment so that Dawn finds an adapter; chooses one if not yet done.
 * @param {{ fresh?: boolean }} [options] fresh: ignore an earlier choice
 * @returns {Promise<Record<string, string>>}
 * @throws {LaunchError} if no adapter is available
 */
export async function prepare({ fresh = false } = {}) {
  const { env } = process;
  // Elsewhere (Metal, Direct3D) the system provides the driver.
  if ((env[readyVariable] && !fresh) || process.platform !== "linux") return {};
  const cache = cacheFolder(env);
  openCache(cache);
  const choice = await choose({ env, cache, fresh, say: (text) => process.stderr.write(text) });
  return variablesFor(choice, env, cache);
}

/**
 * Reports to the user that there is no adapter, and sets exit code 2. Rethrows every other error.
 * @param {unknown} error
 */
export function report(error) {
  if (!(error instanceof LaunchError)) throw error;
  console.error(`mganet: ${error.message}`);
  process.exitCode = 2;
}

/** Time to wait for output that a program printed right before its end. */
const LAST_WORDS_MS = 2000;

/** Signals by which users and systems end programs, and a reader that goes away. */
const orderly = ["SIGINT", "SIGTERM", "SIGHUP", "SIGPIPE"];

/** The descriptor by which a program reaches the launcher's standard error. */
const STDERR_DESCRIPTOR = 3;

/**
 * Whether a program runs on a software adapter and prints Dawn's warnings about it. False in a process started by the launcher:
 * its descriptor 2 already leads through the launcher, or to whoever reads its output.
 * @param {Record<string, string>} variables
 */
const warns = (variables) =>
  process.env[stderrVariable] === undefined && "LP_NUM_THREADS" in { ...process.env, ...variables };

/**
 * Runs a program in this process if possible, otherwise in a new one, because the dynamic linker reads LD_LIBRARY_PATH only
 * when a process starts, and because Dawn's warnings can be filtered only from another process's output. Exit code and signals
 * are passed on.
 * @param {object} program
 * @param {string} program.script path
 * @param {string[]} program.args
 * @param {string[]} program.preload URLs of modules to import first
 * @param {Record<string, string>} variables to add to the environment
 */
export async function launch({ script, args, preload: given }, variables) {
  const preload = hasFewFiles() ? [...given, new URL("./few-files-preload.mjs", import.meta.url).href] : given;
  if (!("LD_LIBRARY_PATH" in variables) && !warns(variables)) {
    Object.assign(process.env, variables);
    process.argv = [process.execPath, script, ...args];
    for (const url of preload) await import(url);
    await import(pathToFileURL(script).href);
    return;
  }
  const imports = [new URL("./stderr-preload.mjs", import.meta.url).href, ...preload].flatMap((url) => [
    "--import",
    url,
  ]);
  const child = spawn(process.execPath, [...process.execArgv, ...imports, script, ...args], {
    stdio: ["inherit", "inherit", "pipe", process.stderr.fd],
    env: { ...process.env, ...variables, [stderrVariable]: String(STDERR_DESCRIPTOR) },
  });
  const native = /** @type {import("node:stream").Readable} */ (child.stderr).pipe(withoutDawnWarnings());
  native.pipe(process.stderr, { end: false });
  const printed = new Promise((resolve) => native.once("end", resolve));
  passSignals(child);
  // Whoever started it by a channel (reproduce --workers) is gone.
  if (process.channel) {
    process.once("disconnect", () => child.kill("SIGTERM"));
    process.channel.unref();
  }
  child.on("error", (error) => {
    console.error(`mganet: cannot start Node: ${error.message}`);
    process.exitCode = 1;
  });
  child.on("exit", async (code, signal) => {
    // Processes that the program left running may keep the pipe open.
    await Promise.race([printed, new Promise((resolve) => setTimeout(resolve, LAST_WORDS_MS).unref())]);
    if (!signal) process.exit(code ?? 1);
    // Nobody else says so: a shell is silent about the end of a script's command.
    if (!orderly.includes(signal)) console.error(`mganet: the program was ended by ${signal}`);
    // End by the same signal, so that a shell reports the same.
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
    setTimeout(() => process.exit(128 + constants.signals[signal]), 1000);
  });
}

/**
 * Forwards signals to the child, so that it can save its work, and waits for it to end.
 *
 * Ctrl-C at a terminal reaches every process of the foreground group, including the child, and `npm run` sends it once more;
 * forwarded from here it would look to the child like the user's second, impatient one.
 * @param {import("node:child_process").ChildProcess} child
 */
function passSignals(child) {
  for (const name of /** @type {const} */ (["SIGINT", "SIGTERM", "SIGHUP"])) {
    let last = -Infinity;
    process.on(name, () => {
      const repeated = performance.now() - last < 300;
      last = performance.now();
      if (repeated || (name === "SIGINT" && inForeground())) return;
      child.kill(name);
    });
  }
}

/** @returns {boolean} whether this process belongs to the foreground process group of its terminal: proc(5), stat */
function inForeground() {
  try {
    // The second field, in brackets, may contain spaces; after it: state ppid pgrp session tty_nr tpgid.
    const [, , group, , terminal, foreground] = readFileSync("/proc/self/stat", "utf8")
      .replace(/^.*\) /s, "")
      .split(" ");
    return terminal !== "0" && group === foreground;
  } catch {
    return false;
  }
}
