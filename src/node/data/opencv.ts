/** Loads OpenCV (WebAssembly), once per thread: 0.4 s and 100 MB. */
import { createRequire } from "node:module";
import type opencv from "@techstark/opencv-js";

type Constant = "ADAPTIVE_THRESH_MEAN_C" | "CHAIN_APPROX_SIMPLE" | "CV_8UC1" | "RETR_EXTERNAL" | "THRESH_BINARY";

/** The module's type, with numbers where its own types say `any`. */
export type OpenCv = Omit<typeof opencv, Constant> & Record<Constant, number>;

/** What the module also has while it loads. */
interface Loading {
  onRuntimeInitialized: () => void;
  then?: unknown;
}

let loading: Promise<{ cv: OpenCv }> | undefined;

/**
 * OpenCV, ready to use. It is wrapped in an object because the module has a `then` that resolves to the module itself: an async
 * function that returned it would spin forever.
 */
export function loadOpenCv(): Promise<{ cv: OpenCv }> {
  return (loading ??= load());
}

async function load(): Promise<{ cv: OpenCv }> {
  // The module listens for uncaught errors and prints its own 10 MB of source on each: remove its listeners.
  const events = ["uncaughtException", "unhandledRejection"] as const;
  const before = events.map((event) => new Set(process.listeners(event as "uncaughtException")));
  // Not import(): its namespace may expose the module's `then` (Vitest's does), and then it never resolves.
  const cv = createRequire(import.meta.url)("@techstark/opencv-js") as OpenCv & Loading;
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

/** The text of an OpenCV error, which is thrown as a bare number. */
export function openCvMessage(cv: OpenCv, error: unknown): string {
  return typeof error === "number" ? (cv.exceptionFromPtr(error) as { msg: string }).msg : String(error);
}
