/** Reads a file of lines piece by piece, from wherever it was left: memory does not grow with it, and it is not held open. */
import { open } from "node:fs/promises";
import { InputError, reason } from "./files.ts";

const PIECE = 2 ** 16;
/** What is longer is no line of ours. */
const LONGEST = 2 ** 22;

export interface Line {
  text: string;
  /** Bytes of the file up to and with its line end. */
  end: number;
}

export class LineFile {
  readonly #file: string;
  #held = Buffer.alloc(0);
  /** Where in the file `held` ends. */
  #read = 0;

  constructor(file: string) {
    this.#file = file;
  }

  /** The next whole line; undefined where there is none, be there a piece of one. @throws InputError */
  async next(): Promise<Line | undefined> {
    for (let from = 0; ;) {
      const end = this.#held.indexOf(10, from);
      if (end !== -1) {
        const text = this.#held.toString("utf8", 0, end);
        this.#held = this.#held.subarray(end + 1);
        return { text, end: this.#read - this.#held.length };
      }
      from = this.#held.length;
      if (from > LONGEST || !(await this.#more())) return undefined;
    }
  }

  async #more(): Promise<boolean> {
    try {
      const handle = await open(this.#file);
      try {
        const piece = Buffer.alloc(PIECE);
        const { bytesRead } = await handle.read(piece, 0, PIECE, this.#read);
        this.#read += bytesRead;
        this.#held = Buffer.concat([this.#held, piece.subarray(0, bytesRead)]);
        return bytesRead > 0;
      } finally {
        await handle.close();
      }
    } catch (error) {
      throw new InputError(`${this.#file}: ${reason(error)}`, { cause: error });
    }
  }
}
