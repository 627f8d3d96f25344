/** Which process is which: a number that is given out again says too little. */
import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";

/** A process, as others may find it written down. */
export interface ProcessIdentity {
  pid: number;
  host: string;
  /**
   * Linux: the boot of the kernel, the namespace that `pid` counts in, and the clock ticks from the boot to the start of the
   * process. Together they name one process for ever, in whatever container of the machine. Elsewhere absent.
   */
  born?: string;
}

/** This process. */
export function thisProcess(): ProcessIdentity {
  const [here, start] = [place(), started("self")];
  const born = here && start !== undefined ? { born: [...here, start].join(" ") } : {};
  return { pid: process.pid, host: hostname(), ...born };
}

/**
 * Whether a process is at work. One of which nothing can be known counts as alive: on another machine, or in another container,
 * whose numbers mean nothing here.
 */
export function isAlive({ pid, host, born }: ProcessIdentity): boolean {
  const here = place();
  const [boot, namespace, start] = born?.split(" ") ?? [];
  if (!here || start === undefined) return host !== hostname() || answers(pid);
  // The machine has been restarted since. Another machine with the same name cannot be distinguished from this.
  if (boot !== here[0]) return host !== hostname();
  if (namespace !== here[1]) return true;
  return answers(pid) && (started(pid) ?? start) === start;
}

/** Whether there is a process of that number. */
function answers(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // It is there, but another user's.
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** The boot, and the namespace of process numbers; undefined where the system does not say. */
function place(): [string, string] | undefined {
  try {
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    return [boot, readlinkSync("/proc/self/ns/pid")];
  } catch {
    return undefined;
  }
}

/** When a process has started: proc(5), stat, field 22. Undefined where that cannot be read; "ended" for a zombie. */
function started(pid: number | "self"): string | undefined {
  try {
    // The second field, in brackets, may hold blanks and brackets; the third comes after the last of them.
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
      .replace(/^.*\) /s, "")
      .split(" ");
    return /[ZX]/.test(fields[0]!) ? "ended" : fields[19];
  } catch {
    return undefined;
  }
}
