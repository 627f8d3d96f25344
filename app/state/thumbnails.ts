/** Thumbnails by image, the newest requests first, as many kept as some screens show. */
import { signal, type Signal } from "@preact/signals";
import { imagesWorker } from "./project.ts";

const MOST_KEPT = 600;
const AT_ONCE = 2;

const kept = new Map<string, Signal<ImageBitmap | "failed" | undefined>>();
const waiting: { key: string; project: string; index: number }[] = [];
let running = 0;

/** The thumbnail of an image, once there is one. */
export function thumbnail(project: string, index: number): Signal<ImageBitmap | "failed" | undefined> {
  const key = `${project}\n${index}`;
  const known = kept.get(key);
  if (known) {
    // The last used goes last.
    kept.delete(key);
    kept.set(key, known);
    return known;
  }
  const made = signal<ImageBitmap | "failed" | undefined>(undefined);
  kept.set(key, made);
  for (const [oldest, old] of kept) {
    if (kept.size <= MOST_KEPT) break;
    kept.delete(oldest);
    if (old.value instanceof ImageBitmap) old.value.close();
  }
  waiting.push({ key, project, index });
  void work();
  return made;
}

async function work(): Promise<void> {
  if (running === AT_ONCE) return;
  running++;
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    const slot = kept.get(next.key);
    if (!slot) continue; // Scrolled out of the cache meanwhile.
    slot.value = await imagesWorker()
      .thumbnail(next.project, next.index)
      .catch(() => "failed" as const);
  }
  running--;
}

/** Forgets a project's, such as one that was deleted. */
export function forgetThumbnails(project: string): void {
  for (const [key, { value }] of kept) {
    if (!key.startsWith(`${project}\n`)) continue;
    kept.delete(key);
    if (value instanceof ImageBitmap) value.close();
  }
}
