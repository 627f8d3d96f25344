/** Identifies processes: pids are reused, so a pid alone is not enough. */
import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";

/** A process, as recorded for others to read. */
export interface ProcessIdentity {
  pid: number;
  host: string;
  /**
   * Linux: the kernel's boot id, the pid namespace, and the clock ticks from boot to the start of the process. Together they
   * identify a process permanently, in any container of the machine. Absent elsewhere.
   */
  born?: string;
}

/** This process. */
export function thisProcess(): ProcessIdentity {
  const [here, start] = [place(), started("self")];
  const born = here && start !== undefined ? { born: [...here, start].join(" ") } : {};
  return { pid: process.pid, host: hostname(), ...born };
}

/** Whether a process is running. Of another machine, or of another container, whose pids mean nothing here, it is unknown. */
export function lifeOf({ pid, host, born }: ProcessIdentity): "alive" | "dead" | "unknown" {
  const here = place();
  const known = (lives: boolean) => (lives ? "alive" : "dead");
  const [boot, namespace, start] = born?.split(" ") ?? [];
  if (!here || start === undefined) return host === hostname() ? known(answers(pid)) : "unknown";
  // The machine has been rebooted since. Another machine with the same name cannot be distinguished from this case.
  if (boot !== here[0]) return host === hostname() ? "dead" : "unknown";
  if (namespace !== here[1]) return "unknown";
  return known(answers(pid) && (started(pid) ?? start) === start);
}

/** Whether a process with that pid exists. */
export function answers(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // It exists, but belongs to another user.
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** What a pid is unique in: a machine since it was started, or a container there. */
export const thisPlace = (): string => [hostname(), ...(place() ?? [])].join(" ");

/** The boot id and the pid namespace; undefined if the system does not provide them. */
function place(): [string, string] | undefined {
  try {
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    return [boot, readlinkSync("/proc/self/ns/pid")];
  } catch {
    return undefined;
  }
}

/** When a process started: proc(5), stat, field 22. Undefined if unreadable; "ended" for a zombie. */
function started(pid: number | "self"): string | undefined {
  try {
    // The second field, in brackets, may contain spaces and brackets; the third comes after the last bracket.
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
      .replace(/^.*\) /s, "")
      .split(" ");
    return /[ZX]/.test(fields[0]!) ? "ended" : fields[19];
  } catch {
    return undefined;
  }
}
