// Ctrl-C and its kin, delivered once. One key press can arrive several times: the terminal sends the signal to every process
// of the foreground group, and `npm run`, `timeout` and the launcher send on what they receive.
import { readFileSync } from "node:fs";
import { constants } from "node:os";
import path from "node:path";

/** Repeats within this time, in milliseconds, count as echoes of the first. */
const echo = 1000;

/** Signals that ask for an orderly end: Ctrl-C; `kill`, or a system that shuts down; a terminal that was closed, or an ssh that was lost. */
const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
export type Interrupt = (typeof signals)[number];

/**
 * Whether the program was started by nohup(1), and so has to outlive its terminal. The signal itself does not tell: Node takes
 * no notice of its having been ignored before. Shells note in `_` which program they have started; where npm runs its scripts by
 * bash, that is Node, so that the processes above are looked at, too.
 */
export const outlivesTerminal = (env: NodeJS.ProcessEnv = process.env): boolean => isNohup(env["_"]) || nohupAbove();

const isNohup = (program = ""): boolean => path.basename(program) === "nohup";

/**
 * Whether one of the processes that this one comes from was started by nohup or ignores hang-ups. Those of another session have
 * another terminal; the first of a session has its environment from without. Linux only: elsewhere false.
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
    // No such files, or none of this user's.
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
 * The exit code of a run that was asked to end and has saved its work: as shells have it for a hang-up, for which nobody waits;
 * else that of Ctrl-C.
 */
export const exitCode = (signal: Interrupt | undefined): number => (signal === "SIGHUP" ? 129 : 130);

/**
 * Calls `stop` at the first of these signals, so that a run can save its work and end. A further one, unless it is an echo,
 * ends the process at once, with the exit code shells use for the signal (130, 143). A hang-up is nobody's impatience and never
 * does: a terminal that goes away can send several. Under nohup there is none.
 * @returns a function that removes the handlers again
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
      // Taken after the work of stop(): signals that came in meanwhile are delivered only then.
      if (first) last = performance.now();
    };
    process.on(signal, handler);
    return { signal, handler };
  });
  return () => {
    for (const { signal, handler } of handlers) process.off(signal, handler);
  };
}
