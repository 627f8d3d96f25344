/** Messages to the user: one line each, until they are closed. */
import { signal } from "@preact/signals";

export interface Message {
  readonly id: number;
  readonly text: string;
}

export const messages = signal<readonly Message[]>([]);

/** More than this many at once nobody reads: the oldest go. */
const MOST = 4;
let next = 0;

export function say(text: string): void {
  if (messages.value.some((message) => message.text === text)) return;
  messages.value = [...messages.value, { id: next++, text }].slice(-MOST);
}

export function close(id: number): void {
  messages.value = messages.value.filter((message) => message.id !== id);
}

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
