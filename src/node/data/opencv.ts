/** Loads OpenCV (WebAssembly), once a thread: 0.4 s and 100 MB. */
import type opencv from "@techstark/opencv-js";

type Constant =
  | "ADAPTIVE_THRESH_MEAN_C"
  | "CHAIN_APPROX_SIMPLE"
  | "CV_8UC1"
  | "MORPH_CLOSE"
  | "MORPH_OPEN"
  | "RETR_EXTERNAL"
  | "THRESH_BINARY";

/** The module, with numbers where its own types say `any`. */
export type OpenCv = Omit<typeof opencv, Constant> & Record<Constant, number>;

let loading: Promise<{ cv: OpenCv }> | undefined;

/**
 * OpenCV, ready to be called. It comes inside an object because the module itself has a `then` that resolves to the module:
 * an async function that returned it would spin for ever.
 */
export function loadOpenCv(): Promise<{ cv: OpenCv }> {
  return (loading ??= load());
}

async function load(): Promise<{ cv: OpenCv }> {
  const restore = ["uncaughtException", "unhandledRejection"].map(keepListeners);
  const cv = (await import("@techstark/opencv-js")).default as unknown as OpenCv & { then?: unknown };
  for (const undo of restore) undo();
  // Once the runtime is up the handler is never called, so look first.
  if (!("Mat" in cv)) {
    await new Promise<void>((resolve) => ((cv as { onRuntimeInitialized: () => void }).onRuntimeInitialized = resolve));
  }
  delete cv.then;
  return { cv };
}

/**
 * The module listens for uncaught errors and answers each by printing its own 10 MB of source. The function returned takes
 * away the listeners that were added since.
 */
function keepListeners(event: string): () => void {
  const before = new Set(process.listeners(event as "uncaughtException"));
  return () => {
    for (const listener of process.listeners(event as "uncaughtException")) {
      if (!before.has(listener)) process.off(event, listener);
    }
  };
}

/** What OpenCV throws is a bare number; this is the text behind it. */
export function openCvMessage(cv: OpenCv, error: unknown): string {
  return typeof error === "number" ? (cv.exceptionFromPtr(error) as { msg: string }).msg : String(error);
}
