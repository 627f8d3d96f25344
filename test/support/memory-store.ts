/** A store in memory: code that works on it depends on neither paths nor processes. */
import { InputError, isOwnFile, type Holder, type Release, type SharedStore } from "../../src/runs/store.ts";

/** The state shared by all folders of a store. */
interface Disk {
  /** By path. */
  files: Map<string, Uint8Array>;
  /** Existing folders, and locked ones. */
  folders: Set<string>;
  locked: Set<string>;
  claimed: Set<string>;
}

const newDisk = (): Disk => ({ files: new Map(), folders: new Set(), locked: new Set(), claimed: new Set() });

export class MemoryStore implements SharedStore {
  readonly name: string;
  readonly #disk: Disk;

  constructor(name = "memory", disk = newDisk()) {
    this.name = name;
    this.#disk = disk;
  }

  path(file: string): string {
    return `${this.name}/${file}`;
  }

  folder(name: string): MemoryStore {
    return new MemoryStore(this.path(name), this.#disk);
  }

  list(): Promise<string[]> {
    const prefix = this.path("");
    const below = [...this.#disk.files.keys(), ...this.#disk.folders].filter((file) => file.startsWith(prefix));
    return Promise.resolve([...new Set(below.map((file) => file.slice(prefix.length).split("/")[0]!))]);
  }

  exists(file: string): Promise<boolean> {
    const { files, folders } = this.#disk;
    const path = file === "" ? this.name : this.path(file);
    return Promise.resolve(files.has(path) || folders.has(path));
  }

  read(file: string): Promise<Uint8Array> {
    const found = this.#disk.files.get(this.path(file));
    if (found) return Promise.resolve(found.slice());
    return Promise.reject(new InputError(`${this.path(file)}: no such file or folder`));
  }

  write(file: string, content: Uint8Array | string): Promise<void> {
    this.#make();
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content.slice();
    this.#disk.files.set(this.path(file), bytes);
    return Promise.resolve();
  }

  remove(file: string): Promise<void> {
    this.#disk.files.delete(this.path(file));
    return Promise.resolve();
  }

  requireWritable(): Promise<void> {
    return Promise.resolve();
  }

  lock(): Promise<void> {
    this.#make();
    this.#disk.locked.add(this.name);
    return Promise.resolve();
  }

  unlock(): Promise<void> {
    if (!this.#disk.claimed.has(this.name)) this.#disk.locked.delete(this.name);
    return Promise.resolve();
  }

  /** As if every caller were a process. */
  async claim(): Promise<Release | undefined> {
    const { locked, claimed } = this.#disk;
    if (locked.has(this.name)) return undefined;
    await this.lock();
    claimed.add(this.name);
    return async () => {
      claimed.delete(this.name);
      await this.unlock();
    };
  }

  holder(): Promise<Holder | undefined> {
    const held = this.#disk.locked.has(this.name);
    return Promise.resolve(held ? { host: "memory", pid: 1, life: "alive" } : undefined);
  }

  requireOwn(): Promise<void> {
    return Promise.resolve();
  }

  get isLocked(): boolean {
    return this.#disk.locked.has(this.name);
  }

  async removeLeftovers(): Promise<void> {
    for (const name of (await this.list()).filter(isOwnFile)) await this.remove(name);
  }

  removeDeadLeftovers(): Promise<void> {
    return Promise.resolve();
  }

  async removeIfEmpty(): Promise<void> {
    if ((await this.list()).length === 0) this.#disk.folders.delete(this.name);
  }

  /** Creates the folder and its parents. */
  #make(): void {
    for (
      let { name } = this as { name: string };
      name !== "";
      name = name.slice(0, Math.max(0, name.lastIndexOf("/")))
    ) {
      this.#disk.folders.add(name);
    }
  }
}
