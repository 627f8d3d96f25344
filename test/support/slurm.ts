/**
 * A Slurm for tests: the one that answers here, or else one of its own on this machine alone, of controller, node and munge with their
 * state, sockets and key in one folder. Nothing outside that folder is changed.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, hostname, userInfo } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

export interface Slurm {
  /** Whose commands find it. */
  env: Record<string, string>;
  stop: () => void;
}

const programs = ["slurmctld", "slurmd", "munged", "sbatch", "scontrol", "squeue", "sinfo", "scancel"];

/** Where daemons lie that are on no user's PATH. */
const PATH = `${process.env["PATH"]}:/usr/sbin:/sbin`;

const found = (program: string): boolean =>
  spawnSync("sh", ["-c", `command -v ${program}`], { env: { ...process.env, PATH } }).status === 0;

/** Why there can be no Slurm here; undefined if there can. */
export function noSlurm(): string | undefined {
  if (process.platform !== "linux") return "Slurm is for Linux";
  if (answers({})) return undefined;
  const missing = programs.filter((program) => !found(program));
  return missing.length > 0 ? `${missing.join(", ")} not found: install Slurm and munge to run these tests` : undefined;
}

function answers(env: Record<string, string>): boolean {
  const { status, stdout } = spawnSync("sinfo", ["--noheader", "--format=%t"], {
    env: { ...process.env, ...env },
    encoding: "utf8",
    timeout: 10_000,
  });
  return status === 0 && /\b(idle|mix)/.test(stdout);
}

/** @throws Error if it does not come up within a minute */
export async function startSlurm(dir: string): Promise<Slurm> {
  if (answers({})) return { env: {}, stop: () => {} };
  const at = (name: string) => path.join(dir, name);
  for (const name of ["state", "spool", "munge"]) mkdirSync(at(name), { recursive: true });
  const env = { SLURM_CONF: at("slurm.conf"), PATH };
  const run = (program: string, ...args: string[]) =>
    execFileSync(program, args, { env: { ...process.env, ...env }, stdio: "ignore" });
  writeFileSync(at("munge/key"), randomBytes(1024), { mode: 0o400 });
  writeFileSync(env.SLURM_CONF, configuration(at));
  const stop = () => {
    for (const pid of ["slurmd.pid", "slurmctld.pid", "munge/pid"]) end(at(pid));
    rmSync(dir, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  };
  try {
    const files = ["key", "socket", "pid", "log", "seed"].map((name) => {
      const option = { key: "key-file", pid: "pid-file", log: "log-file", seed: "seed-file" }[name] ?? name;
      return `--${option}=${at(`munge/${name}`)}`;
    });
    run("munged", "--force", ...files);
    run("slurmctld", "-f", env.SLURM_CONF, "-L", at("slurmctld.log"));
    run("slurmd", "-f", env.SLURM_CONF, "-L", at("slurmd.log"));
    for (let waited = 0; !answers(env); waited++) {
      if (waited > 60) throw new Error(`Slurm did not come up: ${readFileSync(at("slurmctld.log"), "utf8")}`);
      await sleep(1000);
    }
    return { env, stop };
  } catch (error) {
    stop();
    throw error;
  }
}

/** Two tasks at a time, on whatever this machine has. */
const configuration = (at: (name: string) => string): string => `ClusterName=test
SlurmctldHost=${hostname()}(127.0.0.1)
AuthType=auth/munge
AuthInfo=socket=${at("munge/socket")},cred_expire=5
SlurmUser=${userInfo().username}
SlurmdUser=${userInfo().username}
StateSaveLocation=${at("state")}
SlurmdSpoolDir=${at("spool")}
SlurmctldPidFile=${at("slurmctld.pid")}
SlurmdPidFile=${at("slurmd.pid")}
SlurmctldPort=16827
SlurmdPort=16828
ProctrackType=proctrack/pgid
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
ReturnToService=2
SwitchType=switch/none
MpiDefault=none
MinJobAge=300
SchedulerParameters=sched_interval=2,bf_interval=2,requeue_delay=1
NodeName=${hostname()} NodeAddr=127.0.0.1 CPUs=${Math.min(2, availableParallelism())} State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
`;

/** Ends the process of a pid file, and waits until it has: it writes until then. */
function end(file: string): void {
  if (!existsSync(file)) return;
  const pid = Number(readFileSync(file, "utf8"));
  const pause = new Int32Array(new SharedArrayBuffer(4));
  try {
    process.kill(pid, "SIGTERM");
    for (let waited = 0; waited < 30_000; waited += 100) {
      process.kill(pid, 0);
      if (waited === 20_000) process.kill(pid, "SIGKILL");
      Atomics.wait(pause, 0, 0, 100);
    }
  } catch {
    // It has ended.
  }
}
