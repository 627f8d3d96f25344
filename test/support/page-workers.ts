/** Workers in the page test/browser/runs.html, and the stores in them, for a test to call. */
import type { Page } from "playwright-core";
import { InputError, type Store } from "../../src/runs/store.ts";
import type { RunnerEvent } from "../../src/web/runner.ts";
import type { At, Driven, Interruption } from "../browser/runs-page.ts";

/** The page's own, for functions that run in it. */
declare const runs: Driven;

export class PageWorker {
  readonly #page: Page;
  readonly #number: number;

  private constructor(page: Page, number: number) {
    this.#page = page;
    this.#number = number;
  }

  static async spawn(page: Page): Promise<PageWorker> {
    return new PageWorker(page, await page.evaluate(() => runs.spawn()));
  }

  /** What a method of the worker returns; "ended" if the worker was ended meanwhile. @throws InputError as thrown there, or Error */
  async call(method: string, ...args: unknown[]): Promise<unknown> {
    const given: [number, string, unknown[]] = [this.#number, method, args];
    const outcome = await this.#page.evaluate(([number, name, rest]) => runs.call(number, name, rest), given);
    if ("value" in outcome) return outcome.value;
    const { name, message } = outcome.error;
    const error = ["InputError", "FolderGoneError"].includes(name) ? new InputError(message) : new Error(message);
    throw Object.assign(error, { name });
  }

  events(): Promise<RunnerEvent[]> {
    return this.#page.evaluate((number) => runs.events(number), this.#number);
  }

  /** Interrupts the worker's training at such an event; replaces an earlier interruption. */
  async interruptAt(at: At, what: Interruption): Promise<void> {
    const given: [number, At, Interruption] = [this.#number, at, what];
    await this.#page.evaluate(([number, event, how]) => runs.interruptAt(number, event, how), given);
  }

  async terminate(): Promise<void> {
    await this.#page.evaluate((number) => runs.terminate(number), this.#number);
  }

  store(name: string): Store {
    return new WorkerStore(this, name);
  }
}

/** A store in a worker of the page. */
class WorkerStore implements Store {
  readonly name: string;
  readonly #worker: PageWorker;

  constructor(worker: PageWorker, name: string) {
    this.#worker = worker;
    this.name = name;
  }

  path(file: string): string {
    return `${this.name}/${file}`;
  }

  folder(name: string): Store {
    return new WorkerStore(this.#worker, this.path(name));
  }

  list = () => this.#call<string[]>("list");
  exists = (file: string) => this.#call<boolean>("exists", file);
  read = (file: string) => this.#call<Uint8Array>("read", file);
  write = (file: string, content: Uint8Array | string) => this.#do("write", file, content);
  remove = (file: string) => this.#do("remove", file);
  requireWritable = () => this.#do("requireWritable");
  lock = () => this.#do("lock");
  unlock = () => this.#do("unlock");
  requireOwn = () => this.#do("requireOwn");
  removeLeftovers = () => this.#do("removeLeftovers");
  removeIfEmpty = () => this.#do("removeIfEmpty");

  async #do(method: keyof Store, ...args: unknown[]): Promise<void> {
    await this.#call(method, ...args);
  }

  #call<T>(method: keyof Store, ...args: unknown[]): Promise<T> {
    return this.#worker.call("store", this.name, method, ...args) as Promise<T>;
  }
}
