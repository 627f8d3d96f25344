/** The worker of the tests of src/web: answers requests with the store and the runner. */
import { readSource } from "../../src/runs/run.ts";
import type { Store } from "../../src/runs/store.ts";
import { PageImages } from "../../src/web/image-source.ts";
import { openGpu } from "../../src/web/open-gpu.ts";
import { OpfsStore } from "../../src/web/opfs-store.ts";
import { Runner, type RunnerEvent } from "../../src/web/runner.ts";

export interface Request {
  id: number;
  method: string;
  args: unknown[];
}

export type Answer = { id: number } & ({ value: unknown } | { error: { name: string; message: string } });
export type Message = Answer | { event: RunnerEvent };

const post = (message: Message): void => postMessage(message);
const runner = new Runner({
  source: new PageImages(),
  emit: (event) => post({ event }),
  saveEvery: 0,
});

const digest = async (bytes: Uint8Array) => {
  const hash = await crypto.subtle.digest("SHA-256", bytes as Uint8Array<ArrayBuffer>);
  return Array.from(new Uint8Array(hash), (byte) => byte.toString(16).padStart(2, "0")).join("");
};

const methods = {
  start: (config: unknown, folder: string) => runner.start(config, folder),
  /** Begins from a checkpoint in the private file system. */
  fineTune: async (config: unknown, folder: string, from: string, file: string) =>
    runner.start(config, folder, { init: [await readSource(new OpfsStore(from), file)] }),
  resume: (folder: string) => runner.resume(folder),
  stop: () => runner.stop(),
  /** Opens a device and waits until the browser takes it away. @returns what the page is told */
  lost: () =>
    new Promise<string>((resolve, reject) => {
      openGpu({ onLost: ({ message }) => resolve(message) }).catch(reject);
    }),
  /** A method of the store with that name. */
  store: (name: string, method: keyof Store, ...args: unknown[]): unknown => {
    const store = new OpfsStore(name) as unknown as Record<string, (...given: unknown[]) => unknown>;
    return store[method]!(...args);
  },
  digest: async (name: string, file: string) => digest(await new OpfsStore(name).read(file)),
  /** Writes a file of equal bytes, 0, 1, 2 and so on, without end. */
  writeForEver: async (name: string, file: string, length: number) => {
    const store = new OpfsStore(name);
    for (let i = 0; ; i = (i + 1) % 256) await store.write(file, new Uint8Array(length).fill(i));
  },
};

addEventListener("message", ({ data: { id, method, args } }: MessageEvent<Request>) => {
  const work = methods[method as keyof typeof methods] as (...given: unknown[]) => unknown;
  Promise.resolve()
    .then(() => work(...args))
    .then(
      (value) => post({ id, value }),
      (error: unknown) => {
        const { name, message } = error as Error;
        post({ id, error: { name, message } });
      },
    );
});
