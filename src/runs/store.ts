/** The storage interface of runs and studies: a folder on disk, or in a browser's private file system. */

/** Bad user input: an unreadable file, an invalid option. The message is one line. */
export class InputError extends Error {
  override name = "InputError";
}

/** A folder that was locked is no longer in its place. */
export class FolderGoneError extends InputError {
  override name = "FolderGoneError";
}

/** Another process holds the folder. */
export class HeldError extends InputError {
  override name = "HeldError";
}

/** Gives back what was claimed. */
export type Release = () => Promise<void>;

/** A folder of files. Every method that fails throws an InputError with the file and the reason. */
export interface Store {
  /** For messages: the folder's path. */
  readonly name: string;
  /** For messages: the path of a file in it. */
  path(file: string): string;
  /** A folder in it, which need not exist yet. */
  folder(name: string): Store;
  /** Names of the files and folders in it; empty where it does not exist. */
  list(): Promise<string[]>;
  /** Whether a file or folder in it exists; "" is the folder itself. */
  exists(file: string): Promise<boolean>;
  read(file: string): Promise<Uint8Array>;
  /** Atomic: afterwards the file has all the content, or is unchanged; creates the folder if missing. */
  write(file: string, content: Uint8Array | string): Promise<void>;
  /** A missing file is not an error. */
  remove(file: string): Promise<void>;
  /** Checks that files can be written into it, or that it can be created. */
  requireWritable(): Promise<void>;
  /**
   * Keeps other processes out of the folder until it is unlocked or this process ends. Creates the folder if missing.
   * @throws HeldError if another process holds it
   */
  lock(): Promise<void>;
  unlock(): Promise<void>;
  /** Throws if another folder has replaced the locked one. */
  requireOwn(): Promise<void>;
  /** Removes partially written files left by a crash. Only the lock's holder may call it. */
  removeLeftovers(): Promise<void>;
  /** Removes the folder itself if it is empty. */
  removeIfEmpty(): Promise<void>;
}

/** A folder in which several processes work, each in folders of its own within it. */
export interface SharedStore extends Store {
  folder(name: string): SharedStore;
  /**
   * Locks it for a longer piece of work, within which `lock` and `unlock` change nothing.
   * @returns undefined if another process holds it
   */
  claim(): Promise<Release | undefined>;
  /** Removes partially written files of processes that are gone; others may be writing. The folder must exist. */
  removeDeadLeftovers(): Promise<void>;
  /** Who holds it, or seems to. */
  holder(): Promise<Holder | undefined>;
}

/** The process that has locked a folder. */
export interface Holder {
  host: string;
  pid: number;
  /** Of another machine it is unknown. */
  life: "alive" | "dead" | "unknown";
}

export const readText = async (store: Store, file: string): Promise<string> =>
  new TextDecoder().decode(await store.read(file));

/** The parsed content of a JSON file. @throws InputError if it is not JSON */
export async function readJson(store: Store, file: string): Promise<unknown> {
  try {
    return JSON.parse(await readText(store, file));
  } catch (error) {
    throw error instanceof SyntaxError ? new InputError(`${store.path(file)}: is not JSON`) : error;
  }
}

export const toJson = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

/** Whether a file is the store's own: a lock, or a partially written file left by a crash. */
export const isOwnFile = (name: string): boolean => name.startsWith(".mganet-");
