/** Decodes picture files in a worker, for the test that drives the page. */
import type { Decoded, Request } from "./decode-worker.ts";

const worker = new Worker(new URL("./decode-worker.ts", import.meta.url), { type: "module" });
const waiting = new Map<number, (decoded: Decoded) => void>();
worker.onmessage = ({ data }: MessageEvent<{ id: number; decoded: Decoded }>) => {
  waiting.get(data.id)!(data.decoded);
  waiting.delete(data.id);
};
worker.onerror = (event) => console.error(`worker: ${event.message}`);

let requests = 0;

/** @param bytes the file, in base 64 */
globalThis.decodePicture = (bytes) =>
  new Promise((resolve) => {
    const request: Request = { id: ++requests, bytes };
    waiting.set(request.id, resolve);
    worker.postMessage(request);
  });

declare global {
  var decodePicture: (bytes: string) => Promise<Decoded>;
}
