/** A store in the origin's private file system, for a dedicated worker: only such a worker can write there. */
import { FolderGoneError, InputError, type Store } from "../runs/store.ts";
import { heldToken, LOCK, release, take } from "./opfs-lock.ts";
import { isMissing, isOther, privateFiles, storageError } from "./storage-error.ts";
import { isLeftover, isWhole, requireWriter, writeWhole } from "./write-whole.ts";

/** How often a file is read again that is replaced meanwhile, as a page may do that shows a run in progress. */
const READ_AGAIN = 20;

/** The parts of a path; none of "". @throws InputError for names that browsers refuse */
function partsOf(path: string): string[] {
  const parts = path.split("/").filter((part) => part !== "");
  if (parts.every((part) => !/^\.\.?$|[\\\0]/.test(part))) return parts;
  throw new InputError(`${path}: is not a possible name of a file`);
}

/** Splits a path into its folder and its name. */
function split(path: string): { folder: string; name: string } {
  const parts = partsOf(path);
  return { folder: parts.slice(0, -1).join("/"), name: parts.at(-1) ?? "" };
}

/** A folder on the way. @throws what the browser throws */
async function open(path: string, create = false): Promise<FileSystemDirectoryHandle> {
  let folder = await privateFiles();
  for (const part of partsOf(path)) folder = await folder.getDirectoryHandle(part, { create });
  return folder;
}

/** What is there. @throws what the browser throws for other reasons than that nothing is */
async function find(path: string): Promise<FileSystemHandle | undefined> {
  const { folder, name } = split(path);
  try {
    const parent = await open(folder);
    if (name === "") return parent;
    return await parent.getFileHandle(name).catch((error: unknown) => {
      if (isOther(error)) return parent.getDirectoryHandle(name);
      throw error;
    });
  } catch (error) {
    if (isMissing(error) || isOther(error)) return undefined;
    throw error;
  }
}

/** @throws DOMException, also if the file is replaced meanwhile */
async function contentOf(handle: FileSystemFileHandle): Promise<Uint8Array> {
  const found = await handle.getFile();
  if (!isWhole(found)) throw new DOMException("it was never written to its end", "NotFoundError");
  return new Uint8Array(await found.arrayBuffer());
}

export class OpfsStore implements Store {
  readonly name: string;

  /** @param name its path below the private file system's top, such as "runs/first" */
  constructor(name: string) {
    this.name = partsOf(name).join("/");
  }

  path(file: string): string {
    return [this.name, file].filter((part) => part !== "").join("/");
  }

  folder(name: string): OpfsStore {
    return new OpfsStore(this.path(name));
  }

  list(): Promise<string[]> {
    return this.#trying("", "", async () => {
      const folder = await find(this.name);
      const names: string[] = [];
      if (folder?.kind !== "directory") return names;
      for await (const name of (folder as FileSystemDirectoryHandle).keys()) names.push(name);
      return names;
    });
  }

  exists(file: string): Promise<boolean> {
    return this.#trying(file, "", async () => {
      const found = await find(this.path(file));
      return found?.kind === "file" ? isWhole(await (found as FileSystemFileHandle).getFile()) : found !== undefined;
    });
  }

  async read(file: string): Promise<Uint8Array> {
    try {
      return await this.#trying(file, "", () => this.#read(file));
    } catch (error) {
      await this.requireOwn(); // The folder may have just gone.
      throw error;
    }
  }

  async #read(file: string): Promise<Uint8Array> {
    const { folder, name } = split(this.path(file));
    for (let again = 0; ; again++) {
      const handle = await (await open(folder)).getFileHandle(name).catch((error: unknown) => {
        if (!isOther(error)) throw error;
        throw new InputError(`${this.path(file)}: is a folder, not a file`, { cause: error });
      });
      const bytes = await contentOf(handle).catch((error: unknown) => {
        // The name is there, but what it stood for has just been replaced.
        if (again === READ_AGAIN || !(error instanceof DOMException)) throw error;
        return undefined;
      });
      if (bytes) return bytes;
    }
  }

  write(file: string, content: Uint8Array | string): Promise<void> {
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
    return this.#trying(file, "cannot be written: ", async () => {
      requireWriter(this.path(file));
      await this.requireOwn();
      const { folder, name } = split(this.path(file));
      // A folder that this worker holds exists: one that is gone must not come back.
      const target = await open(folder, heldToken(this.name) === undefined);
      await writeWhole(target, name, bytes, () => this.requireOwn());
    });
  }

  /** Never removes from a folder that replaced this one. @throws FolderGoneError */
  async remove(file: string): Promise<void> {
    await this.requireOwn();
    await this.#trying(file, "cannot be removed: ", () => this.#remove(file));
  }

  async #remove(file: string): Promise<void> {
    const { folder, name } = split(this.path(file));
    try {
      await (await open(folder)).removeEntry(name);
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
  }

  async requireWritable(): Promise<void> {
    requireWriter(this.name);
    await this.#trying("", "", async () => {
      let folder = await privateFiles();
      for (const part of partsOf(this.name)) {
        try {
          folder = await folder.getDirectoryHandle(part);
        } catch (error) {
          if (isMissing(error)) return;
          throw error;
        }
      }
    });
  }

  async lock(): Promise<void> {
    requireWriter(this.name);
    const taken = await take(this.name);
    try {
      await this.#trying(LOCK, "cannot be written: ", async () => {
        const folder = await open(this.name, true);
        const token = new TextEncoder().encode(heldToken(this.name));
        await writeWhole(folder, LOCK, token, () => Promise.resolve());
      });
    } catch (error) {
      if (taken) release(this.name);
      throw error;
    }
  }

  async unlock(): Promise<void> {
    if (heldToken(this.name) === undefined) return;
    const isOwn = await this.#isOwn().catch(() => false);
    if (isOwn) await this.#remove(LOCK).catch(() => {});
    release(this.name);
  }

  /** @throws FolderGoneError */
  async requireOwn(): Promise<void> {
    if (heldToken(this.name) === undefined || (await this.#trying(LOCK, "", () => this.#isOwn()))) return;
    throw new FolderGoneError(
      `${this.name}: the folder is gone: deleted or replaced while it was being written to; nothing more is written there`,
    );
  }

  /** Whether the folder is the one that this worker locked. */
  async #isOwn(): Promise<boolean> {
    try {
      return new TextDecoder().decode(await this.#read(LOCK)) === heldToken(this.name);
    } catch (error) {
      if (isMissing(error) || isOther(error)) return false;
      throw error;
    }
  }

  async removeLeftovers(): Promise<void> {
    for (const name of (await this.list()).filter(isLeftover)) await this.remove(name);
  }

  async removeIfEmpty(): Promise<void> {
    const { folder, name } = split(this.name);
    if (name === "") return;
    // Someone else has put something there.
    await open(folder)
      .then((parent) => parent.removeEntry(name))
      .catch(() => {});
  }

  /** @throws InputError with the file and the reason, instead of what the browser throws */
  async #trying<T>(file: string, what: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw storageError(this.path(file), what, error);
    }
  }
}
