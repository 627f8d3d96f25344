/** `reproduce --workers`: several processes come to the bits of one, however they or the one that started them end. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { beforeAll, expect, test } from "vitest";
import { COLD, spawned, type Ended } from "./spawned.ts";
import { temporaryFolder, tiny } from "./support.ts";

const dir = temporaryFolder();
const at = (...names: string[]) => path.join(dir, ...names);
const files = (name: string) =>
  existsSync(at(name)) ? (readdirSync(at(name), { recursive: true }) as string[]).sort() : [];
const asked = [...tiny, "--joint-epochs", "4", "--table", "3", "--seeds", "1", "--save-every", "0.2s"];

/** What must not depend on who trained a study. */
function left(name: string): Map<string, string> {
  const kept = files(name).filter((file) =>
    /(\.safetensors|predictions\.json|table-3\.(md|csv)|split\.json)$/.test(file),
  );
  return new Map(kept.map((file) => [file, readFileSync(at(name, file)).toString("base64")]));
}

/** The processes that train a study's runs now, in the middle of them. */
const training = (name: string): number[] =>
  files(name)
    .filter((file) => /\/last\.safetensors$/.test(file))
    .flatMap((file) => {
      try {
        const lock = readFileSync(at(name, path.dirname(file), ".mganet-lock"), "utf8");
        return [(JSON.parse(lock) as { pid: number }).pid];
      } catch {
        return [];
      }
    })
    .filter(lives);

function lives(pid: number): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}

/** Works on a study with two workers; `disturb` is told of the first moment at which one is in the middle of a run. */
async function work(
  name: string,
  disturb: (workers: number[], kill: (signal: NodeJS.Signals) => void) => void,
): Promise<Ended> {
  const over = new AbortController();
  let send: ((signal: NodeJS.Signals) => void) | undefined;
  const ended = spawned(["reproduce", ...asked, "--out", at(name), "--workers", "2"], (_, kill) => (send = kill));
  const disturbing = (async () => {
    for (;;) {
      const workers = training(name);
      if (send && workers.length > 0) {
        disturb(workers, send);
        return;
      }
      if (over.signal.aborted) throw new Error("it ended before it could be disturbed");
      await sleep(30);
    }
  })();
  disturbing.catch(() => {});
  const result = await ended;
  over.abort();
  await disturbing;
  return result;
}

beforeAll(async () => {
  const { code, err } = await spawned(["reproduce", ...asked, "--out", at("whole")]);
  expect([code, err]).toEqual([0, []]);
}, COLD);

test.skipIf(process.platform !== "linux")(
  "paused, left by the process that started them, and killed, workers come to the bits of one process",
  async () => {
    const name = "workers";
    const paused = await work(name, (_, kill) => kill("SIGTERM"));
    expect(paused.err).toEqual(["", "SIGTERM: the workers finish their steps and save; once more to stop at once."]);
    expect([paused.code, paused.out.at(-1)]).toEqual([130, "Stopped. Run the same command to resume."]);
    expect(training(name)).toEqual([]);

    let orphans: number[] = [];
    const killed = await work(name, (workers) => {
      orphans = workers;
      // The program itself, not its launcher.
      const status = readFileSync(`/proc/${workers[0]!}/status`, "utf8");
      process.kill(Number(/^PPid:\s+(\d+)$/m.exec(status)![1]), "SIGKILL");
    });
    expect(killed.signal).toBe("SIGKILL");
    for (let waited = 0; orphans.some(lives); waited++) {
      expect(waited, "workers go on without the process that started them").toBeLessThan(600);
      await sleep(100);
    }

    const ended = await work(name, ([worker]) => process.kill(worker!, "SIGKILL"));
    expect([ended.code, ended.err]).toEqual([0, []]);
    const told = ended.out.filter((line) => line.startsWith("Worker "));
    expect(told).toEqual([expect.stringMatching(/^Worker [12] was ended by SIGKILL; another takes its place$/)]);
    expect(ended.out).toContainEqual(expect.stringMatching(/^Proposed /));
    const [expected, found] = [left("whole"), left(name)];
    expect([...found.keys()]).toEqual([...expected.keys()]);
    expect([...found].filter(([file, content]) => expected.get(file) !== content).map(([file]) => file)).toEqual([]);
  },
  3 * COLD,
);
