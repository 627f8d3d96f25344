/** Where runs and studies keep what they write: a folder on disk, or one of a browser's private file system. */

/** Bad input of the user's: a file that cannot be read, an option that is invalid. The message is one line. */
export class InputError extends Error {
  override name = "InputError";
}

/** A folder of files. Every method that fails throws an InputError that names the file and says why. */
export interface Store {
  /** For messages: the folder's path. */
  readonly name: string;
  /** For messages: the path of a file in it. */
  path(file: string): string;
  /** A folder in it, which need not be there yet. */
  folder(name: string): Store;
  /** Names of the files and folders in it; empty where it does not exist. */
  list(): Promise<string[]>;
  /** Of a file or folder in it; "" is the folder itself. */
  exists(file: string): Promise<boolean>;
  read(file: string): Promise<Uint8Array>;
  /** Atomic: afterwards the file has all of the content, or is as it was; makes the folder if there is none. */
  write(file: string, content: Uint8Array | string): Promise<void>;
  /** A file that does not exist is no error. */
  remove(file: string): Promise<void>;
  /** Whether files can be written into it, or it can be made. */
  requireWritable(): Promise<void>;
  /** Keeps other processes out of the folder until it is unlocked, or this process ends. Makes the folder if there is none. */
  lock(): Promise<void>;
  unlock(): Promise<void>;
  /** Throws if another folder has taken the place of the one that was locked. */
  requireOwn(): Promise<void>;
  /** Removes what a crash has left of files that were being written. To be called by whoever has the lock. */
  removeLeftovers(): Promise<void>;
  /** Removes the folder itself if nothing is left in it. */
  removeIfEmpty(): Promise<void>;
}

export const readText = async (store: Store, file: string): Promise<string> =>
  new TextDecoder().decode(await store.read(file));

/** What a file says in JSON. @throws InputError if it is none */
export async function readJson(store: Store, file: string): Promise<unknown> {
  try {
    return JSON.parse(await readText(store, file));
  } catch (error) {
    throw error instanceof SyntaxError ? new InputError(`${store.path(file)}: is not JSON`) : error;
  }
}

export const toJson = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

/** Files with such names are the store's own: locks, and what a crash has left of a file that was being written. */
export const isOwnFile = (name: string): boolean => name.startsWith(".mganet-");
