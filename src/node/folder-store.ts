/** A store in a folder on disk. */
import { existsSync } from "node:fs";
import { readdir, rm, rmdir } from "node:fs/promises";
import path from "node:path";
import type { Holder, Release, SharedStore } from "../runs/store.ts";
import { readInput, removeDeadLeftovers, removeLeftovers, requireWritableFolder, writeWhole } from "./files.ts";
import { awaitFolder, claimFolder, holderOf, lockFolder, unlockFolder } from "./folder-lock.ts";
import { requireKept } from "./kept-folders.ts";

export class FolderStore implements SharedStore {
  readonly name: string;

  readonly #onWait: ((line: string) => void) | undefined;

  /**
   * @param onWait if given, `lock` and `claim` wait for the length of a lease whether a process of another machine lives, which it is told
   *   with a line for people (`awaitFolder`); without it they fail at once
   */
  constructor(dir: string, onWait?: (line: string) => void) {
    this.name = dir;
    this.#onWait = onWait;
  }

  path(file: string): string {
    return path.join(this.name, file);
  }

  folder(name: string): FolderStore {
    return new FolderStore(this.path(name));
  }

  async list(): Promise<string[]> {
    return existsSync(this.name) ? readdir(this.name) : [];
  }

  exists(file: string): Promise<boolean> {
    return Promise.resolve(existsSync(this.path(file)));
  }

  async read(file: string): Promise<Uint8Array> {
    try {
      return await readInput(this.path(file));
    } catch (error) {
      await requireKept(this.name); // The folder may have just gone.
      throw error;
    }
  }

  write(file: string, content: Uint8Array | string): Promise<void> {
    return writeWhole(this.path(file), content);
  }

  /** Never removes from a folder that replaced this one. @throws FolderGoneError */
  async remove(file: string): Promise<void> {
    await requireKept(this.name);
    await rm(this.path(file), { force: true });
  }

  requireWritable(): Promise<void> {
    return requireWritableFolder(this.name);
  }

  lock(): Promise<void> {
    return this.#onWait ? awaitFolder(this.name, this.#onWait) : lockFolder(this.name);
  }

  claim(): Promise<Release | undefined> {
    return claimFolder(this.name, this.#onWait);
  }

  holder(): Promise<Holder | undefined> {
    return holderOf(this.name);
  }

  removeLeftovers(): Promise<void> {
    return removeLeftovers(this.name);
  }

  removeDeadLeftovers(): Promise<void> {
    return removeDeadLeftovers(this.name);
  }

  unlock(): Promise<void> {
    return unlockFolder(this.name);
  }

  /** @throws FolderGoneError */
  requireOwn(): Promise<void> {
    return requireKept(this.name);
  }

  async removeIfEmpty(): Promise<void> {
    await rmdir(this.name).catch(() => {}); // Someone else has put something there.
  }
}
