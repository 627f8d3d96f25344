/** What models say of single images, with maps: asked when it is looked at, the newest question first, some answers kept. */
import { signal, type Signal } from "@preact/signals";
import type { ModelId } from "../worker/models.ts";
import type { Place } from "../worker/places.ts";
import type { Answer, ExplainRequest } from "../worker/predict.ts";
import { computeWorker } from "./engine.ts";
import { messageOf } from "./messages.ts";

export interface Question {
  readonly model: ModelId;
  /** The weights that are wanted; undefined: the newest. */
  readonly stamp: string | undefined;
  readonly place: Place;
  /** Undefined: the prediction alone. */
  readonly request: ExplainRequest | undefined;
}

export type Reply = { kind: "waiting" } | { kind: "ready"; answer: Answer } | { kind: "failed"; reason: string };

/** A map is small; a dozen images at all scales are at hand. */
const MOST_KEPT = 64;

const kept = new Map<string, Signal<Reply>>();
const waiting: { key: string; question: Question }[] = [];
let running = false;

/** Places are compared by what they are, files by themselves. */
const files = new WeakMap<Blob, number>();
let fileCount = 0;

function keyOf({ model, stamp, place, request }: Question): string {
  if (place.kind === "project") return JSON.stringify([model, stamp, place.project.name, place.image.id, request]);
  if (!files.has(place.file)) files.set(place.file, fileCount++);
  return JSON.stringify([model, stamp, files.get(place.file), place.frame, request]);
}

/** Asks, unless it was asked before. @returns the reply, and what withdraws a question that is not asked yet */
export function askFor(question: Question): { reply: Signal<Reply>; withdraw: () => void } {
  const key = keyOf(question);
  const known = kept.get(key);
  const reply = known ?? signal<Reply>({ kind: "waiting" });
  // The last used goes last.
  kept.delete(key);
  kept.set(key, reply);
  for (const oldest of kept.keys()) {
    if (kept.size <= MOST_KEPT) break;
    kept.delete(oldest);
  }
  if (!known) {
    waiting.push({ key, question });
    void work();
  }
  const withdraw = () => {
    const at = waiting.findIndex((other) => other.key === key);
    if (at === -1) return;
    waiting.splice(at, 1);
    kept.delete(key);
  };
  return { reply, withdraw };
}

async function work(): Promise<void> {
  if (running) return;
  running = true;
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    const { key, question } = next;
    const { model, place, stamp, request } = question;
    const reply = kept.get(key);
    if (!reply) continue; // Crowded out meanwhile.
    try {
      reply.value = { kind: "ready", answer: await computeWorker().answer(model, place, stamp, request) };
    } catch (error) {
      reply.value = { kind: "failed", reason: messageOf(error) };
      kept.delete(key); // It is tried again when it is looked at again.
    }
  }
  running = false;
}
