/** A process that works on studies as it is told over IPC: ./study-race.ts. Its runs are of nothing. */
import { appendFileSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { benignMalignant } from "../../src/data/classes.ts";
import { FolderStore } from "../../src/node/folder-store.ts";
import { lifeOf, thisProcess, type ProcessIdentity } from "../../src/node/process-identity.ts";
import { isComplete, Run, savePredictions } from "../../src/runs/run.ts";
import type { Store } from "../../src/runs/store.ts";
import { StudyFolder } from "../../src/runs/study-folder.ts";
import { isFinished } from "../../src/runs/study-state.ts";
import { workOn, type StudyWorkings } from "../../src/runs/study-worker.ts";
import type { Place } from "../../src/study/plan.ts";
import { LOG, type Line } from "./study-race.ts";

process.on("message", (dir: string) => {
  void work(dir).then(() => process.send!("done"));
});
process.send!("ready");

async function work(dir: string): Promise<void> {
  const folder = await StudyFolder.existing(new FolderStore(dir));
  const places = folder.study.runs.map(({ row, seed, fold }): Place => ({ row, seed, fold: fold ?? undefined }));
  const signal = new AbortController().signal;
  await workOn({ folder, emit: () => {}, signal, process: thisProcess() }, new Nothing(folder), places);
}

/** As much of a training as others can see. */
class Nothing implements StudyWorkings {
  readonly #folder: StudyFolder;

  constructor(folder: StudyFolder) {
    this.#folder = folder;
  }

  isReady(place: Place): Promise<boolean> {
    return place.row === null ? Promise.resolve(true) : isComplete(this.#folder.runStore({ ...place, row: null }));
  }

  async train(place: Place): Promise<boolean> {
    const store = this.#folder.runStore(place);
    const inside = new Inside(store);
    if (await isFinished(this.#folder, place)) inside.say("double");
    inside.enter();
    await this.#folder.note(place, "begun", 0);
    // A killed process may have left a run without a checkpoint.
    if (!(await isComplete(store))) {
      await store.remove("last.safetensors");
      await Run.reopen(store);
      const run = await Run.create(store, this.#folder.configOf(place));
      await sleep(5 * Math.random());
      // Rows are to find what they start from.
      if (place.row === null) await run.save("last", new Uint8Array(8));
      await run.summary({ nothing: true });
    }
    if (place.row !== null) {
      const images = [{ image: "a", patient: null, label: 1, probabilities: [0.2, 0.8], dice: null, iou: null }];
      const head = { checkpoint: "last.safetensors", data: "nothing", on: "val", threshold: 0.5 } as const;
      await savePredictions(store, { ...head, classes: benignMalignant, images });
    }
    await this.#folder.note(place, "finished", 1);
    inside.leave();
    return true;
  }

  ended(place: Place) {
    return Promise.resolve({ type: "run-end", place, seconds: 1, last: undefined } as const);
  }
}

/** Notes who is at work in a run's folder. */
class Inside {
  readonly #log: string;
  readonly #busy: string;

  constructor(store: Store) {
    this.#log = store.path(LOG);
    this.#busy = store.path(".mganet-busy");
  }

  say(line: Line): void {
    appendFileSync(this.#log, `${line}\n`);
  }

  enter(): void {
    const other = existsSync(this.#busy) ? readFileSync(this.#busy, "utf8") : "";
    // A process that was killed as it wrote this is not inside.
    if (other.endsWith("}") && lifeOf(JSON.parse(other) as ProcessIdentity) !== "dead") this.say("together");
    writeFileSync(this.#busy, JSON.stringify(thisProcess()));
    this.say("begin");
  }

  leave(): void {
    if (existsSync(this.#busy)) rmSync(this.#busy);
    this.say("end");
  }
}
