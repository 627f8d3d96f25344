/** Failures of a browser's private file system, in plain words. */
import { InputError } from "../runs/store.ts";

const SECURE =
  "this page cannot store files: it must be served over https or from localhost, by a browser that has a private file system";

const reasons: Readonly<Record<string, string>> = {
  InvalidModificationError: "is a folder with something in it",
  InvalidStateError: "the browser has closed it",
  NoModificationAllowedError: "another tab or worker of this page is writing it",
  NotAllowedError: "the browser does not allow it",
  NotFoundError: "no such file or folder",
  NotReadableError: "it was replaced while it was being read",
  QuotaExceededError: "the browser's storage is full: delete what is no longer needed, or free space on the disk",
  SecurityError:
    "the browser refuses to store files for this page: a private window, or stored data of this site are blocked",
  TypeMismatchError: "a file is where a folder should be, or a folder where a file",
  UnknownError: "the browser cannot reach its storage, as in a private window or on a full disk",
};

/** Why something could not be read or written. */
export function storageReason(error: unknown): string {
  const { name, message } = error as { name?: string; message?: string };
  return (name !== undefined && reasons[name]) || message || String(error);
}

/** The same as an error that names the file. One that already does so, and a bug, stay as they are. */
export const storageError = (file: string, what: string, error: unknown): unknown =>
  error instanceof DOMException ? new InputError(`${file}: ${what}${storageReason(error)}`, { cause: error }) : error;

export const isMissing = (error: unknown): boolean => (error as { name?: string }).name === "NotFoundError";

/** The browser keeps no more for this page. */
export const isFull = (error: unknown): boolean => error instanceof DOMException && error.name === "QuotaExceededError";

/** A file where a folder was asked for, or the reverse. */
export const isOther = (error: unknown): boolean => (error as { name?: string }).name === "TypeMismatchError";

/** The top folder of the origin's private file system. @throws InputError that says why there is none: no file is at fault */
export async function privateFiles(): Promise<FileSystemDirectoryHandle> {
  // Absent in insecure pages, and without the method in old browsers.
  const { storage } = navigator as { storage?: Partial<StorageManager> };
  if (!storage?.getDirectory) throw new InputError(SECURE);
  try {
    return await storage.getDirectory();
  } catch (error) {
    throw new InputError(storageReason(error), { cause: error });
  }
}
