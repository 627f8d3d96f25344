// Runs short child processes (apt-get, dpkg-deb, ldd, the probe) and captures their output, never showing it.
import { spawn } from "node:child_process";

/**
 * @typedef {object} Outcome
 * @property {number | null} code exit code; null if killed by a signal or not started
 * @property {string} stdout
 * @property {string} stderr
 * @property {boolean} missing the program does not exist
 */

/**
 * Runs a program to completion. Never rejects: a program that cannot be started has code null.
 * @param {string} file
 * @param {string[]} args
 * @param {{ env?: NodeJS.ProcessEnv, cwd?: string, timeout?: number, signal?: AbortSignal }} [options] timeout in
 *   milliseconds, after which the program is killed
 * @returns {Promise<Outcome>}
 */
export function run(file, args, options = {}) {
  return new Promise((resolve) => {
    const child = spawn(file, args, { ...options, killSignal: "SIGKILL", stdio: ["ignore", "pipe", "pipe"] });
    let stdout = "";
    let stderr = "";
    let missing = false;
    child.stdout?.setEncoding("utf8").on("data", (text) => (stdout += text));
    child.stderr?.setEncoding("utf8").on("data", (text) => (stderr += text));
    child.on("error", (error) => {
      missing = "code" in error && error.code === "ENOENT";
      stderr += String(error);
      // An abort raises "error" too, but then "close" follows.
      if (child.pid === undefined) resolve({ code: null, stdout, stderr, missing });
    });
    child.on("close", (code) => resolve({ code, stdout, stderr, missing }));
  });
}
