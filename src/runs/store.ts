/** The storage interface of runs and studies: a folder on disk, or in a browser's private file system. */

/** Bad user input: an unreadable file, an invalid option. The message is one line. */
export class InputError extends Error {
  override name = "InputError";
}

/** A folder that was locked is no longer in its place. */
export class FolderGoneError extends InputError {
  override name = "FolderGoneError";
}

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
  /** Keeps other processes out of the folder until it is unlocked or this process ends. Creates the folder if missing. */
  lock(): Promise<void>;
  unlock(): Promise<void>;
  /** Throws if another folder has replaced the locked one. */
  requireOwn(): Promise<void>;
  /** Removes partially written files left by a crash. Only the lock's holder may call it. */
  removeLeftovers(): Promise<void>;
  /** Removes the folder itself if it is empty. */
  removeIfEmpty(): Promise<void>;
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
