// Handles Ctrl-C and similar signals once. One key press can arrive several times: the terminal sends the signal to every
// process of the foreground group, and `npm run`, `timeout` and the launcher forward what they receive.
import { readFileSync } from "node:fs";
import { constants } from "node:os";
import path from "node:path";

/** Repeats within this many milliseconds count as echoes of the first. */
const echo = 1000;

/** Signals that request an orderly end: Ctrl-C; `kill` or a system shutdown; a closed terminal or a lost ssh connection. */
const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
export type Interrupt = (typeof signals)[number];

/**
 * Whether the program was started by nohup(1), and so must outlive its terminal. The signal disposition does not show it: Node
 * resets an ignored signal. Shells record in `_` which program they started; if npm runs its scripts through bash, that is Node,
 * so the parent processes are checked too.
 */
export const outlivesTerminal = (env: NodeJS.ProcessEnv = process.env): boolean => isNohup(env["_"]) || nohupAbove();

const isNohup = (program = ""): boolean => path.basename(program) === "nohup";

/**
 * Whether an ancestor of this process was started by nohup or ignores hang-ups. Those of another session have another terminal;
 * a session's first process has its environment from outside. Linux only: elsewhere false.
 */
function nohupAbove(): boolean {
  try {
    const { session } = kinOf("self");
    for (let pid = process.ppid; pid > 1; pid = kinOf(pid).parent) {
      if (kinOf(pid).session !== session) return false;
      if (/^SigIgn:.*[13579bdf]$/m.test(readFileSync(`/proc/${pid}/status`, "utf8"))) return true;
      if (pid === session) return false;
      const variables = readFileSync(`/proc/${pid}/environ`, "latin1").split("\0");
      if (isNohup(variables.find((variable) => variable.startsWith("_="))?.slice(2))) return true;
    }
  } catch {
    // No such files, or not readable by this user.
  }
  return false;
}

/** Parent and session of a process: proc(5), stat, fields 4 and 6. */
function kinOf(pid: number | "self"): { parent: number; session: number } {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
    .replace(/^.*\) /s, "")
    .split(" ");
  return { parent: Number(fields[1]), session: Number(fields[3]) };
}

/**
 * The exit code of a run that was interrupted and has saved its work: the shell's code for a hang-up, for which nobody waits;
 * otherwise that of Ctrl-C.
 */
export const exitCode = (signal: Interrupt | undefined): number => (signal === "SIGHUP" ? 129 : 130);

/**
 * Calls `stop` on the first of these signals, so that a run can save its work and end. Another one, unless it is an echo,
 * ends the process at once, with the shell's exit code for the signal (130, 143). A hang-up never does: it is not an impatient
 * user, and a closing terminal can send several. Under nohup hang-ups are ignored.
 * @returns a function that removes the handlers
 */
export function onInterrupt(stop: (signal: Interrupt) => void): () => void {
  let last: number | undefined;
  const heard = signals.filter((signal) => signal !== "SIGHUP" || !outlivesTerminal());
  const handlers = heard.map((signal) => {
    const handler = () => {
      const first = last === undefined;
      if (!first && signal !== "SIGHUP" && performance.now() - last! > echo) {
        process.exit(128 + constants.signals[signal]);
      }
      if (first) stop(signal);
      // Timed after stop(): signals that arrive meanwhile are delivered only then.
      if (first) last = performance.now();
    };
    process.on(signal, handler);
    return { signal, handler };
  });
  return () => {
    for (const { signal, handler } of handlers) process.off(signal, handler);
  };
}
