/**
 * Simulates many processes that share a study over a network folder: where the folder, and not the cards, decides when they end.
 *
 * What a process asks of the folder is written down here as numbers of requests, read off src/runs/study*.ts and src/node/folder-lock.ts:
 * opening, writing, flushing, closing and renaming a file are one each. Requests of a process follow one another. Time is simulated,
 * so that a thousand processes take seconds.
 */
export interface Folder {
  /** Seconds of a request, there and back. */
  delay: number;
  /** Requests that the server answers a second. */
  capacity: number;
  /** Requests for attributes before every other one, where the client's cache of them is lost: one for each folder of the path. */
  lookups: number;
}

export interface Load {
  processes: number;
  runs: number;
  /** Seconds of a run, all alike. */
  seconds: number;
  /** Seconds of an epoch. */
  epoch: number;
  /** How the beginning and end of a run are recorded: in study.json, under its lock, or not at all, for comparison. */
  notes: "locked" | "none";
}

/** Requests. */
export const REQUESTS = {
  /** Once: study.json, the split. */
  open: 12,
  /** For every run, before the first: whether it is finished, asked three times. */
  list: 3,
  /** Whether a run has failed, is complete, can begin. */
  look: 5,
  /** Of one that has ended: the predictions that it should have, its last epoch. */
  ended: 12,
  /** Whether the study is there; a lock written aside (mkdir, open, write, flush, close), linked, the name aside removed. */
  claim: 9,
  /** Of a lock that another holds: the same, and reading that lock. */
  refused: 13,
  /** Signs of life are opened, and the run looked at again. */
  claimed: 3,
  release: 6,
  /** study.json read, written whole and renamed; its folder's lock looked at before; unlocked. */
  note: 22,
  /** metrics.jsonl and the checkpoint. */
  epoch: 24,
  /** A run's pace, written whole. */
  pace: 11,
} as const;

/** Seconds between writes of a pace, and between signs of life. */
const PACE = 10;
const BEAT = 30;
/** Seconds between attempts at a lock that is held for a moment. */
const RETRY = { least: 0.02, most: 0.4 };
/** Seconds between looks through all runs. */
const LOOK = { least: 1, most: 15 };

export interface Outcome {
  /** Seconds until every process knows that all is done. */
  end: number;
  /** Until the last run has ended. */
  trained: number;
  /** What it would be without a folder. */
  ideal: number;
  /** How often each run was trained. */
  trainings: number[];
  /** Seconds that a process waited for the study's lock, on average over the runs. */
  lockWait: number;
  /** Requests, and those that were refused a lock. */
  requests: number;
  refusals: number;
}

/** What a process waits for: requests one after another, or time. */
type Wait = { requests: number } | { seconds: number };

/** Events in the order of their times; of the same time, of their making. */
class Queue {
  readonly #heap: { at: number; order: number; go: () => void }[] = [];
  #made = 0;

  add(at: number, go: () => void): void {
    const heap = this.#heap;
    heap.push({ at, order: this.#made++, go });
    for (let i = heap.length - 1; i > 0;) {
      const up = (i - 1) >> 1;
      if (!before(heap[i]!, heap[up]!)) break;
      [heap[i], heap[up]] = [heap[up]!, heap[i]!];
      i = up;
    }
  }

  take(): { at: number; go: () => void } | undefined {
    const heap = this.#heap;
    const [first] = heap;
    const last = heap.pop();
    if (!first || heap.length === 0) return first;
    heap[0] = last!;
    for (let i = 0; ;) {
      const [a, b] = [2 * i + 1, 2 * i + 2];
      const least = b < heap.length && before(heap[b]!, heap[a]!) ? b : a;
      if (least >= heap.length || !before(heap[least]!, heap[i]!)) break;
      [heap[i], heap[least]] = [heap[least]!, heap[i]!];
      i = least;
    }
    return first;
  }
}

const before = (a: { at: number; order: number }, b: { at: number; order: number }) =>
  a.at < b.at || (a.at === b.at && a.order < b.order);

/** A number from 0 to 1, the same every time. */
function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

export function simulate(folder: Folder, load: Load): Outcome {
  const { processes, runs } = load;
  const queue = new Queue();
  const dice = random(1);
  const state = Array.from({ length: runs }, (): "free" | "held" | "ended" => "free");
  const outcome: Outcome = {
    ...{ end: 0, trained: 0, lockWait: 0, requests: 0, refusals: 0 },
    ideal: Math.ceil(runs / processes) * load.seconds,
    trainings: state.map(() => 0),
  };
  let [now, serverFree, locked] = [0, 0, false];
  const each = 1 + folder.lookups;

  /** Requests of a process, one after another; the server answers them in the order in which they come. */
  const ask = (requests: number): number => {
    const count = requests * each;
    const wait = Math.max(0, serverFree - now);
    serverFree = Math.max(serverFree, now) + count / folder.capacity;
    outcome.requests += count;
    return wait + count * folder.delay;
  };

  function* note(): Generator<Wait> {
    if (load.notes === "none") return;
    const begun = now;
    for (let wait = RETRY.least; ; wait = Math.min(2 * wait, RETRY.most)) {
      yield { requests: REQUESTS.claim };
      if (!locked) break;
      outcome.refusals++;
      yield { requests: REQUESTS.refused - REQUESTS.claim };
      yield { seconds: wait * (0.5 + dice()) };
    }
    locked = true;
    outcome.lockWait += (now - begun) / runs;
    yield { requests: REQUESTS.note };
    locked = false;
  }

  function* train(run: number): Generator<Wait> {
    outcome.trainings[run]!++;
    yield { requests: REQUESTS.claimed };
    yield* note();
    // What a run writes beside its training: it costs the server's time, not the run's, but for the epochs.
    const epochs = Math.max(1, Math.round(load.seconds / load.epoch));
    for (let i = 0; i < epochs; i++) {
      const seconds = load.seconds / epochs;
      yield { seconds };
      ask((seconds / PACE) * REQUESTS.pace + seconds / BEAT);
      yield { requests: REQUESTS.epoch };
    }
    yield* note();
    state[run] = "ended";
    outcome.trained = now;
    yield { requests: REQUESTS.release };
  }

  function* pass(left: number[]): Generator<Wait, boolean> {
    for (const run of [...left]) {
      yield { requests: REQUESTS.look };
      if (state[run] === "ended") {
        left.splice(left.indexOf(run), 1);
        yield { requests: REQUESTS.ended };
        continue;
      }
      yield { requests: REQUESTS.claim };
      if (state[run] !== "free") {
        outcome.refusals++;
        yield { requests: REQUESTS.refused - REQUESTS.claim };
        continue;
      }
      state[run] = "held";
      yield* train(run);
      return true;
    }
    return false;
  }

  function* work(process: number): Generator<Wait> {
    yield { requests: REQUESTS.open + REQUESTS.list * runs };
    yield* note();
    const from = Math.floor((process * runs) / processes);
    const left = Array.from({ length: runs }, (_, i) => (from + i) % runs);
    for (let wait = LOOK.least; left.length > 0;) {
      const before = left.length;
      const worked = yield* pass(left);
      if (worked || left.length < before) wait = LOOK.least;
      else {
        yield { seconds: wait * (0.75 + 0.5 * dice()) };
        wait = Math.min(1.5 * wait, LOOK.most);
      }
    }
    outcome.end = Math.max(outcome.end, now);
  }

  const go = (process: Generator<Wait>): void => {
    const next = process.next();
    if (next.done) return;
    const wait = next.value;
    queue.add(now + ("seconds" in wait ? wait.seconds : ask(wait.requests)), () => go(process));
  };
  for (let i = 0; i < processes; i++) queue.add(0, () => go(work(i)));
  for (let event = queue.take(); event; event = queue.take()) {
    now = event.at;
    event.go();
  }
  return outcome;
}
