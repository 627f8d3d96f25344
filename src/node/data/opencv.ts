/** Loads OpenCV (WebAssembly), once a thread: 0.4 s and 100 MB. */
import { createRequire } from "node:module";
import type opencv from "@techstark/opencv-js";

type Constant = "ADAPTIVE_THRESH_MEAN_C" | "CHAIN_APPROX_SIMPLE" | "CV_8UC1" | "RETR_EXTERNAL" | "THRESH_BINARY";

/** The module, with numbers where its own types say `any`. */
export type OpenCv = Omit<typeof opencv, Constant> & Record<Constant, number>;

/** What the module has besides while it loads. */
interface Loading {
  onRuntimeInitialized: () => void;
  then?: unknown;
}

let loading: Promise<{ cv: OpenCv }> | undefined;

/**
 * OpenCV, ready to be called. It comes inside an object because the module itself has a `then` that resolves to the module:
 * an async function that returned it would spin for ever.
 */
export function loadOpenCv(): Promise<{ cv: OpenCv }> {
  return (loading ??= load());
}

async function load(): Promise<{ cv: OpenCv }> {
  // The module listens for uncaught errors and answers each by printing its own 10 MB of source: take its listeners away.
  const events = ["uncaughtException", "unhandledRejection"] as const;
  const before = events.map((event) => new Set(process.listeners(event as "uncaughtException")));
  // Not import(): what it resolves to may let the module's `then` show through (Vitest's does), and then it never resolves.
  const cv = createRequire(import.meta.url)("@techstark/opencv-js") as OpenCv & Loading;
  events.forEach((event, i) => {
    for (const listener of process.listeners(event as "uncaughtException")) {
      if (!before[i]!.has(listener)) process.off(event, listener);
    }
  });
  // Once the runtime is up the handler is never called, so look first.
  if (!(cv as Partial<OpenCv>).Mat) await new Promise<void>((resolve) => (cv.onRuntimeInitialized = resolve));
  delete cv.then;
  return { cv };
}

/** What OpenCV throws is a bare number; this is the text behind it. */
export function openCvMessage(cv: OpenCv, error: unknown): string {
  return typeof error === "number" ? (cv.exceptionFromPtr(error) as { msg: string }).msg : String(error);
}
