/** The page of the tests of src/web: it starts workers, passes requests on to them, and ends them at a given event. */
import type { RunnerEvent } from "../../src/web/runner.ts";
import type { Answer, Message, Request } from "./runs-worker.ts";

/** What a request gives: a value, or what was thrown. */
export type Outcome = { value: unknown } | { error: { name: string; message: string } };

/** Ends the worker without warning; stops its training; ends the browser's GPU process, for which the test has the function. */
export type Interruption = "kill" | "stop" | "crash";

/** At which event of a worker its training is interrupted. */
export interface At {
  type: RunnerEvent["type"];
  stage?: string;
  epoch?: number;
  batch?: number;
}

interface Open {
  worker: Worker;
  waiting: Map<number, (outcome: Outcome) => void>;
  events: RunnerEvent[];
  at?: At;
  what?: Interruption;
}

const workers: Open[] = [];
let requests = 0;

const matches = (event: object, at: At): boolean =>
  Object.entries(at).every(([key, value]) => (event as Record<string, unknown>)[key] === value);

/** @returns the worker's number */
function spawn(): number {
  const worker = new Worker(new URL("./runs-worker.ts", import.meta.url), { type: "module" });
  const open: Open = { worker, waiting: new Map(), events: [] };
  worker.onmessage = ({ data }: MessageEvent<Message>) => {
    if ("id" in data) {
      const { id, ...outcome } = data satisfies Answer;
      open.waiting.get(id)?.(outcome);
      open.waiting.delete(id);
      return;
    }
    open.events.push(data.event);
    if (open.at && matches(data.event, open.at)) interrupt(open);
  };
  worker.onerror = ({ message }) => console.error(`worker: ${message}`);
  return workers.push(open) - 1;
}

function interrupt(open: Open): void {
  if (open.what === "kill") terminate(open);
  else if (open.what === "stop") open.worker.postMessage({ id: -1, method: "stop", args: [] } satisfies Request);
  else void crash();
}

function terminate(open: Open): void {
  open.worker.terminate();
  for (const settle of open.waiting.values()) settle({ value: "ended" });
  open.waiting.clear();
}

const driven = {
  spawn,
  /** @param args of the worker's method */
  call(number: number, method: string, args: unknown[]): Promise<Outcome> {
    const open = workers[number]!;
    const id = requests++;
    return new Promise((resolve) => {
      open.waiting.set(id, resolve);
      open.worker.postMessage({ id, method, args } satisfies Request);
    });
  },
  interruptAt: (number: number, at: At, what: Interruption): void => void Object.assign(workers[number]!, { at, what }),
  terminate: (number: number): void => terminate(workers[number]!),
  events: (number: number): RunnerEvent[] => workers[number]!.events,
};

export type Driven = typeof driven;

declare global {
  /** For the test that drives the page. */
  var runs: Driven;
  /** Given by the test. */
  function crash(): Promise<void>;
}

globalThis.runs = driven;
