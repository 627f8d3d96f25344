/** OpenCV (WebAssembly), which the crop to the tissue is compared with. */
import { createRequire } from "node:module";
import type opencv from "@techstark/opencv-js";

export type OpenCv = typeof opencv;

/** Wrapped in an object because the module has a `then` that resolves to the module itself. */
export async function loadOpenCv(): Promise<{ cv: OpenCv }> {
  // The module listens for uncaught errors and prints its own 10 MB of source on each: remove its listeners.
  const events = ["uncaughtException", "unhandledRejection"] as const;
  const before = events.map((event) => new Set(process.listeners(event as "uncaughtException")));
  // Not import(): Vitest's namespace exposes the module's `then`, and then it never resolves.
  const cv = createRequire(import.meta.url)("@techstark/opencv-js") as OpenCv & { then?: unknown };
  events.forEach((event, i) => {
    for (const listener of process.listeners(event as "uncaughtException")) {
      if (!before[i]!.has(listener)) process.off(event, listener);
    }
  });
  // The handler is never called once the runtime is up, so check first.
  if (!(cv as Partial<OpenCv>).Mat) await new Promise<void>((resolve) => (cv.onRuntimeInitialized = resolve));
  delete cv.then;
  return { cv };
}
