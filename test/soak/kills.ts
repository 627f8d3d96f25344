/**
 * `node --import tsx test/soak/kills.ts [RUNS] [SEED] [AT ONCE]`: each run is killed at random instants (kill -9), at least once while it
 * trains, gone on with to its end, and must then have the bits of one that was never disturbed. Exit code 1 if one has others.
 */
import { existsSync, readdirSync, readFileSync, rmSync, watch } from "node:fs";
import path from "node:path";
import { stream } from "../../src/data/random.ts";
import { require, train, workFolder, type Running } from "./runs.ts";

const [runs = 100, seed = Date.now() % 100000, atOnce = 2] = process.argv.slice(2).map(Number);
const root = workFolder();
const began = performance.now();
/** A training of 20 steps with both stages and their evaluations. */
const settings: readonly string[] = [
  ...["--width", "0.0625", "--size", "32", "--batch", "2", "--phantom-images", "24", "--crop", "none"],
  ...["--seg-epochs", "1", "--joint-epochs", "1", "--eval-every", "1"],
];
const count = { kills: 0, starting: 0, training: 0, saving: 0, resumed: 0, midEpoch: 0, tooLate: 0, same: 0 };

/** What a training leaves, without times. The report is not waited for: all of this is written before. */
function leftIn(dir: string): Record<string, string> {
  const names = ["last.safetensors", "best.safetensors", "metrics.jsonl", "predictions.json", "split.json"];
  const contents = names.map((name) => [name, readFileSync(path.join(dir, name), "latin1")]);
  const left = Object.fromEntries(contents) as Record<string, string>;
  left["metrics.jsonl"] = left["metrics.jsonl"]!.replaceAll(/"seconds":[\d.e-]+,"imagesPerSecond":[\d.e-]+/g, "");
  return left;
}

/** Lets a run go on to its end; what comes after that takes long and changes nothing here. */
async function toTheEnd(args: readonly string[]): Promise<void> {
  const end = { seen: false };
  const ended = await train(args, (line, { kill }) => {
    if (!line.startsWith("Done in")) return;
    end.seen = true;
    kill("SIGKILL");
  });
  require(end.seen || ended.err.includes("this run has finished"), "a run did not come to its end", ended);
}

/** At the start; anywhere from the start of the training; after a checkpoint; at a file that is being saved after one. */
type Instant = "starting" | "training" | "later" | "saving";

/** Runs until it is killed. @returns whether it was, and not too late */
async function killed(args: readonly string[], dir: string, instant: Instant, random: () => number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  let watcher: ReturnType<typeof watch> | undefined;
  const after = (ms: number, { kill }: Running) => void (timer ??= setTimeout(() => kill("SIGKILL"), ms));
  let files = Math.floor(random() * 8);
  let late = false;
  const ended = await train(
    [...args, "--save-every", "0.05s"],
    (line, running) => {
      late ||= line.startsWith("Done in");
      if (late) {
        running.kill("SIGKILL");
        return;
      }
      if (!line.startsWith("Run folder:")) return;
      if (instant === "training") after(random() * (lasts.before + lasts.after), running);
      let saved = false;
      watcher = watch(dir, (_, name) => {
        saved ||= name === "last.safetensors";
        if (saved && instant === "later") after(random() * lasts.after, running);
        const begins = saved && instant === "saving" && /^\.mganet-.*\.tmp$/.test(name ?? "");
        if (begins && files-- <= 0) after(random() < 0.5 ? 0 : random() * 4, running);
      });
    },
    { onStart: (running) => void (instant === "starting" && after(random() * lasts.start, running)) },
  );
  clearTimeout(timer);
  watcher?.close();
  if (late as boolean) count.tooLate++;
  require(ended.signal === "SIGKILL", "a run that goes on failed", ended);
  return !late;
}

async function one(number: number): Promise<void> {
  const numbers = stream(seed * 1000 + number);
  const random = () => (numbers.next() >>> 0) / 2 ** 32;
  const dir = path.join(root, `run-${number}`);
  const goOn = () => ["--resume", dir];
  const checkpoint = path.join(dir, "last.safetensors");
  // Until a kill has left something to go on from; one in seven is then killed again.
  for (let enough = false; !enough;) {
    const resumes = existsSync(checkpoint);
    if (!resumes) rmSync(dir, { recursive: true, force: true });
    else count.resumed++;
    const draw = random();
    const instant = draw < 0.05 ? "starting" : draw < 0.15 ? "training" : draw < 0.6 ? "later" : "saving";
    const inTime = await killed(resumes ? goOn() : [...settings, "--out", dir], dir, instant, random);
    if (inTime) {
      count.kills++;
      const half = existsSync(dir) && readdirSync(dir).some((name) => name.endsWith(".tmp"));
      if (half) count.saving++;
      else count[instant === "starting" ? "starting" : "training"]++;
      if (existsSync(checkpoint) && /"batch\\*":[1-9]/.test(readFileSync(checkpoint, "latin1"))) count.midEpoch++;
    } else if (!resumes) rmSync(dir, { recursive: true, force: true });
    enough = existsSync(checkpoint) && random() < 0.85;
  }
  count.resumed++;
  await toTheEnd(goOn());
  const left = leftIn(dir);
  const other = Object.keys(whole).filter((name) => left[name] !== whole[name]);
  if (other.length === 0) count.same++;
  else console.log(`run ${number} ended with other bits: ${other.join(", ")}`);
  if (other.length === 0) rmSync(dir, { recursive: true });
}

console.log(`${runs} runs, ${atOnce} at once, seed ${seed}, in ${root}`);
/** Milliseconds to the line of the folder, from there to the first checkpoint, and from there to the end. */
const lasts = { start: 0, before: 0, after: 0 };
let mark = performance.now();
const lap = () => -mark + (mark = performance.now());
await train([...settings, "--save-every", "0.05s", "--out", path.join(root, "whole")], (line, { kill }) => {
  if (line.startsWith("Run folder:")) {
    lasts.start = lap();
    const watcher = watch(path.join(root, "whole"), (_, name) => {
      if (name !== "last.safetensors") return;
      lasts.before = lap();
      watcher.close();
    });
  }
  if (!line.startsWith("Done in")) return;
  lasts.after = lap();
  kill("SIGKILL");
});
const whole = leftIn(path.join(root, "whole"));

let [next, ended] = [0, 0];
const say = () =>
  `${count.same} of ${ended} runs ended with the same bits, after ${count.kills} kills: ${count.saving} while a file was being saved, ` +
  `${count.training} at other instants of the training, ${count.starting} at the start; ${count.midEpoch} left a checkpoint within an ` +
  `epoch; gone on with ${count.resumed} times; ${count.tooLate} kills came too late; ${((performance.now() - began) / 60000).toFixed(1)} min`;
const workers = Array.from({ length: atOnce }, async () => {
  while (next < runs) {
    await one(next++).catch((error: unknown) => console.log(`run failed: ${(error as Error).message}`));
    ended++;
    if (ended % 5 === 0) console.log(say());
  }
});
await Promise.all(workers);
console.log(say());
if (count.same === runs) rmSync(root, { recursive: true });
process.exitCode = count.same === runs ? 0 : 1;
