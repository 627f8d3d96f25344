/** Where tuning records are kept. Node uses files (src/node/tuning-store.ts), a browser its local storage. */

export interface TuningStore {
  /** The text last written under `name`; undefined if there is none. */
  read(name: string): Promise<string | undefined>;
  /** Stores `text` under `name`; a reader sees the old text or the new one, never a part. */
  write(name: string, text: string): Promise<void>;
}

/** A store in a browser's `localStorage`, or in anything with its methods. */
export function webStore(storage: Pick<Storage, "getItem" | "setItem">, prefix = "mganet/tuning/"): TuningStore {
  return {
    read: (name) => Promise.resolve(storage.getItem(prefix + name) ?? undefined),
    write(name, text) {
      storage.setItem(prefix + name, text);
      return Promise.resolve();
    },
  };
}
