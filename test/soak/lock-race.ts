/** Processes that race for one folder, many times: how often had two of them it at once? */
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { LOCK } from "../../src/node/folder-lock.ts";
import { thisProcess } from "../../src/node/process-identity.ts";

export interface Order {
  dir: string;
  /** take: once, and keep it; churn: take and give back many times. */
  what: "take" | "churn" | "give back";
}

export interface Answer {
  /** How often it got the folder. */
  held: number;
  /** How often it found another one inside then. */
  together: number;
}

/** What lies in the folder before a round. */
export const stale = {
  none: () => undefined,
  /** Of a process that has ended. */
  dead: () => JSON.stringify({ pid: 2 ** 22 + 1, host: hostname() }),
  /** Of one whose number has been given to another since: to this process. */
  reused: () => JSON.stringify({ ...thisProcess(), born: thisProcess().born?.replace(/\d+$/, "1"), token: "reused" }),
  /** Half a lock. */
  torn: () => '{"pid": 12',
  /** One whose claimant has died as well, right after its claim. */
  claimed: () => JSON.stringify({ pid: 2 ** 22 + 1, host: hostname(), token: "first" }),
} as const;
export type Stale = keyof typeof stale;

export interface Race {
  rounds: number;
  /** Rounds in which two processes had the folder at once. */
  double: number;
  /** Rounds in which nobody got it, although nobody had it. */
  nobody: number;
  /** Rounds that left something behind, other than the lock. */
  leftovers: number;
}

/**
 * Rounds of `processes` processes that are let loose on a folder at the same moment. In every tenth round they take it and give it
 * back over and over. With `kill`, one of them is killed in each round, somewhere in its attempt.
 */
export async function race(
  kinds: readonly Stale[],
  { rounds, processes = 4, kill = false }: { rounds: number; processes?: number; kill?: boolean },
): Promise<Race> {
  const root = mkdtempSync(path.join(tmpdir(), "mganet-race-"));
  const contenders = await Promise.all(Array.from({ length: processes }, start));
  const result: Race = { rounds, double: 0, nobody: 0, leftovers: 0 };
  try {
    for (let round = 0; round < rounds; round++) {
      const dir = path.join(root, String(round));
      const churn = round % 10 === 9;
      prepare(dir, kinds[round % kinds.length]!);
      const what = churn ? "churn" : "take";
      const asked = contenders.map((contender) => ask(contender, { dir, what }));
      const victim = kill ? round % processes : -1;
      const killed = contenders[victim];
      if (killed) setTimeout(() => killed.kill("SIGKILL"), Math.random() * 12);
      const answers = await Promise.all(asked);
      const holders = answers.reduce((sum, { held }) => sum + held, 0);
      // A process that was killed may have had the folder until then.
      const living = answers.filter((_, i) => i !== victim).reduce((sum, { held }) => sum + held, 0);
      if (churn ? answers.some(({ together }) => together > 0) && !kill : living > 1) result.double++;
      if (holders === 0 && !kill) result.nobody++;
      if (killed) {
        if (killed.exitCode === null && killed.signalCode === null) await once(killed, "exit");
        contenders[victim] = await start();
      }
      await Promise.all(contenders.map((contender) => ask(contender, { dir, what: "give back" })));
      if (!kill && readdirSync(dir).length > 0) result.leftovers++;
      rmSync(dir, { recursive: true });
    }
  } finally {
    for (const contender of contenders) contender.kill("SIGKILL");
    rmSync(root, { recursive: true, force: true });
  }
  return result;
}

async function start(): Promise<ChildProcess> {
  const script = fileURLToPath(new URL("lock-contender.ts", import.meta.url));
  const child = fork(script, { execArgv: ["--import", "tsx"], stdio: ["ignore", "inherit", "inherit", "ipc"] });
  await once(child, "spawn");
  return child;
}

function prepare(dir: string, kind: Stale): void {
  mkdirSync(dir);
  const content = stale[kind]();
  if (content === undefined) return;
  writeFileSync(path.join(dir, LOCK), content);
  if (kind === "claimed") {
    writeFileSync(
      path.join(dir, `${LOCK}-first`),
      JSON.stringify({ pid: 2 ** 22 + 2, host: hostname(), token: "second" }),
    );
  }
}

/** What a contender answers; nothing, if it is killed before. */
async function ask(contender: ChildProcess, order: Order): Promise<Answer> {
  const nothing: Answer = { held: 0, together: 0 };
  if (contender.exitCode !== null || contender.signalCode !== null) return nothing;
  const over = new AbortController();
  const answered = once(contender, "message", over).then(([answer]) => answer as Answer);
  const ended = once(contender, "exit", over).then(() => nothing);
  contender.send(order);
  const answer = await Promise.race([answered, ended]);
  await Promise.allSettled([answered, ended, over.abort()]);
  return answer;
}
