/** A run's folder as it was given to the page, in memory: to be read and checked before anything of it is kept. */
import { InputError, type Store } from "../../src/runs/store.ts";

const refused = () => Promise.reject(new InputError("files that were given are only read"));

export class GivenFiles implements Store {
  readonly name: string;
  readonly files: ReadonlyMap<string, Uint8Array>;

  /** @param name for messages */
  constructor(name: string, files: ReadonlyMap<string, Uint8Array>) {
    this.name = name;
    this.files = files;
  }

  path(file: string): string {
    return `${this.name}/${file}`;
  }

  folder(name: string): GivenFiles {
    return new GivenFiles(this.path(name), new Map());
  }

  list(): Promise<string[]> {
    return Promise.resolve([...this.files.keys()]);
  }

  exists(file: string): Promise<boolean> {
    return Promise.resolve(file === "" || this.files.has(file));
  }

  read(file: string): Promise<Uint8Array> {
    const found = this.files.get(file);
    return found ? Promise.resolve(found) : Promise.reject(new InputError(`${this.path(file)}: no such file`));
  }

  readonly write = refused;
  readonly remove = refused;
  readonly requireWritable = refused;
  readonly lock = refused;
  readonly unlock = () => Promise.resolve();
  readonly requireOwn = () => Promise.resolve();
  readonly removeLeftovers = refused;
  readonly removeIfEmpty = refused;
}
