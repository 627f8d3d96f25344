/**
 * `node --import tsx test/soak/kills.ts [KILLS] [SEED]`: trainings are killed at random instants (kill -9) and gone on with, over
 * and over. Each that comes to its end must have the bits of one that was never disturbed. Exit code 1 otherwise.
 */
import { existsSync, rmSync } from "node:fs";
import path from "node:path";
import { stream } from "../../src/data/random.ts";
import { leftIn, require, settings, train, workFolder } from "./runs.ts";

const [kills = 100, seed = Date.now() % 100000] = process.argv.slice(2).map(Number);
const random = stream(seed);
const root = workFolder();
const begun = performance.now();
console.log(`${kills} kills, seed ${seed}, in ${root}`);
require((await train([...settings, "--out", path.join(root, "whole")])).code === 0, "the undisturbed run failed");
const whole = leftIn(path.join(root, "whole"));
const undisturbed = performance.now() - begun;

const dir = path.join(root, "killed");
const count = { kills: 0, early: 0, mid: 0, runs: 0, same: 0 };
while (count.kills < kills || existsSync(dir)) {
  const resumes = existsSync(path.join(dir, "last.safetensors"));
  if (!resumes) {
    if (existsSync(dir)) count.early++;
    rmSync(dir, { recursive: true, force: true });
  }
  const args = resumes ? ["--resume", dir] : [...settings, "--out", dir];
  // Some fall into the start, some into the training, some come too late.
  const wait = count.kills < kills ? ((random.next() >>> 0) / 2 ** 32) * undisturbed * (resumes ? 0.9 : 1.2) : Infinity;
  let timer: NodeJS.Timeout | undefined;
  const ended = await train([...args, "--save-every", "0.2s"], () => {}, {
    onStart: ({ kill }) => void (wait < Infinity && (timer = setTimeout(() => kill("SIGKILL"), wait))),
  });
  clearTimeout(timer);
  if (ended.signal === "SIGKILL") {
    count.kills++;
    if (/Go|stage: /.test(ended.out)) count.mid++;
    process.stdout.write(
      count.kills % 10 === 0 ? `${count.kills} kills, ${count.same} of ${count.runs} runs the same\n` : "",
    );
  } else {
    const finished = ended.code === 2 && ended.err.includes("this run is finished");
    require(ended.code === 0 || finished, "a run that goes on failed", ended);
  }
  const left = leftIn(dir);
  if (left === undefined) continue;
  count.runs++;
  if (left === whole) count.same++;
  else console.log(`run ${count.runs} ended with other bits`);
  rmSync(dir, { recursive: true });
}
rmSync(root, { recursive: true });
console.log(
  `${count.kills} kills (${count.mid} of them while it trained, ${count.early} before the first checkpoint): ` +
    `${count.same} of ${count.runs} runs ended with the same bits; ${((performance.now() - begun) / 60000).toFixed(1)} min`,
);
process.exitCode = count.same === count.runs && count.runs > 0 ? 0 : 1;
