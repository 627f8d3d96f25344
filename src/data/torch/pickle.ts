/**
 * Reads Python pickles (protocols 0 to 5) without running any of them: a pickle is a program for a stack machine, and this machine
 * knows values, containers and what its user makes of names. Format: Python's Lib/pickletools.py, which describes every opcode.
 */

/** A name that a pickle asks for, as in `collections.OrderedDict`. */
export class Global {
  readonly module: string;
  readonly name: string;

  constructor(module: string, name: string) {
    this.module = module;
    this.name = name;
  }

  toString(): string {
    return `${this.module}.${this.name}`;
  }
}

/**
 * A value of a pickle: None is null; ints are numbers, or bigints beyond 2^53; lists, tuples and sets are arrays; dicts are Maps; bytes
 * are Uint8Arrays; the rest is what `PickleUser` made.
 */
export type Value = unknown;

/** What a pickle may not do by itself. Each throws a PickleError for what it does not allow. */
export interface PickleUser {
  /** What a name stands for. */
  global: (named: Global) => Value;
  /** The result of calling what `global` answered. */
  call: (callee: Value, args: readonly Value[]) => Value;
  /** Sets the attributes of an object. */
  build: (object: Value, state: Value) => void;
  /** What stands for an object that is kept elsewhere. */
  persistent: (id: Value) => Value;
}

/** One line, without the file's name. */
export class PickleError extends Error {
  override readonly name = "PickleError";
}

const MARK = Symbol("mark");
/** Bytes of an int: a checkpoint's largest, PyTorch's magic number, has 10. */
const LONGEST_INT = 64;

/**
 * @param at where it begins
 * @returns its value, and where it ends
 * @throws PickleError, or what `user` throws; never any other error, whatever the bytes
 */
export function unpickle(bytes: Uint8Array, user: PickleUser, at = 0): { value: Value; end: number } {
  return new Machine(bytes, user, at).run();
}

class Machine {
  readonly #stack: Value[] = [];
  readonly #memo = new Map<number, Value>();
  readonly #view: DataView;
  readonly bytes: Uint8Array;
  readonly user: PickleUser;
  private at: number;

  constructor(bytes: Uint8Array, user: PickleUser, at: number) {
    this.bytes = bytes;
    this.user = user;
    this.at = at;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  run(): { value: Value; end: number } {
    for (;;) {
      const opcode = this.take(1)[0]!;
      if (opcode === 0x2e) return { value: this.pop(), end: this.at }; // STOP
      const operation = operations[String.fromCharCode(opcode)];
      if (!operation) throw new PickleError(`opcode 0x${opcode.toString(16)} at byte ${this.at - 1} is not read`);
      operation(this);
    }
  }

  take(count: number): Uint8Array {
    if (count > this.bytes.length - this.at) throw new PickleError("ends too soon: is the file cut short?");
    this.at += count;
    return this.bytes.subarray(this.at - count, this.at);
  }

  push(value: Value): void {
    this.#stack.push(value);
  }

  pop(): Value {
    const value = this.#stack.pop();
    if (value === undefined || value === MARK) throw new PickleError("takes a value that it has not put");
    return value;
  }

  top(): Value {
    const value = this.pop();
    this.#stack.push(value);
    return value;
  }

  mark(): void {
    this.#stack.push(MARK);
  }

  /** The values since the last mark, which is taken away. */
  marked(): Value[] {
    const from = this.#stack.lastIndexOf(MARK);
    if (from < 0) throw new PickleError("takes values from a mark that it has not set");
    const values = this.#stack.splice(from);
    return values.slice(1);
  }

  remember(key: number): void {
    this.#memo.set(key, this.top());
  }

  get memorised(): number {
    return this.#memo.size;
  }

  recall(key: number): void {
    if (!this.#memo.has(key)) throw new PickleError(`takes value ${key}, which it has not kept`);
    this.#stack.push(this.#memo.get(key));
  }

  /** An unsigned number of 1, 2, 4 or 8 bytes. */
  number(size: 1 | 2 | 4 | 8): number {
    const from = this.at;
    this.take(size);
    if (size === 1) return this.#view.getUint8(from);
    if (size === 2) return this.#view.getUint16(from, true);
    if (size === 4) return this.#view.getUint32(from, true);
    return Number(this.#view.getBigUint64(from, true)); // inexact beyond 2^53, which no file is long
  }

  signed(): number {
    return this.number(4) | 0;
  }

  double(): number {
    const from = this.at;
    this.take(8);
    return this.#view.getFloat64(from);
  }

  text(size: number): string {
    return textOf(this.take(size));
  }

  /** Up to the end of a line. */
  bytesOfLine(): Uint8Array {
    const end = this.bytes.indexOf(0x0a, this.at);
    if (end < 0) throw new PickleError("ends too soon: is the file cut short?");
    return this.take(end + 1 - this.at).subarray(0, -1);
  }

  line(): string {
    return textOf(this.bytesOfLine());
  }

  /** A little-endian number in two's complement. */
  long(size: number): void {
    if (size > LONGEST_INT) throw new PickleError(`has an int of ${size} bytes`);
    const bytes = this.take(size);
    let value = 0n;
    for (const byte of bytes.toReversed()) value = (value << 8n) | BigInt(byte);
    if (size > 0 && bytes[size - 1]! >= 0x80) value -= 1n << BigInt(8 * size);
    this.push(plain(value));
  }

  append(values: readonly Value[]): void {
    const list = this.top();
    if (!Array.isArray(list)) throw new PickleError("appends to what is no list");
    for (const value of values) list.push(value);
  }

  setItems(values: readonly Value[]): void {
    const dict = this.top();
    if (!(dict instanceof Map)) throw new PickleError("sets items of what is no dict");
    fill(dict, values);
  }

  call(args: Value): void {
    const callee = this.pop();
    if (!Array.isArray(args)) throw new PickleError("calls with what is no tuple");
    this.push(this.user.call(callee, args));
  }

  global(module: Value, name: Value): void {
    if (typeof module !== "string" || typeof name !== "string")
      throw new PickleError("asks for a name that is no text");
    this.push(this.user.global(new Global(module, name)));
  }
}

/** A copy is decoded: TextDecoder refuses shared memory in browsers. Lone surrogates, which Python lets pass, become U+FFFD. */
const textOf = (bytes: Uint8Array): string => new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes.slice());

/** Python's raw-unicode-escape: a character for each byte, others by their number in hexadecimal. */
function unescaped(bytes: Uint8Array): string {
  const text = Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
  return text.replace(
    /\\u([\da-fA-F]{4})|\\U(00(?:0[\da-fA-F]|10)[\da-fA-F]{4})/g,
    (_, short?: string, long?: string) => String.fromCodePoint(parseInt(short ?? long!, 16)),
  );
}

function fill(dict: Map<Value, Value>, values: readonly Value[]): Map<Value, Value> {
  if (values.length % 2 !== 0) throw new PickleError("has a key without a value");
  for (let i = 0; i < values.length; i += 2) dict.set(values[i], values[i + 1]);
  return dict;
}

const plain = (value: bigint): number | bigint =>
  value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value;

/** "12L\n" of protocol 0. */
function decimal(line: string): number | bigint {
  const digits = line.replace(/L$/, "");
  if (!/^[+-]?\d{1,150}$/.test(digits)) throw new PickleError("has an int that is none");
  return plain(BigInt(digits.replace("+", "")));
}

function float(line: string): number {
  const words: Readonly<Record<string, number>> = { inf: Infinity, "-inf": -Infinity, nan: NaN };
  if (Object.hasOwn(words, line)) return words[line]!;
  if (line.trim() === "" || Number.isNaN(Number(line))) throw new PickleError("has a float that is none");
  return Number(line);
}

/** "1" and "0" may be ints; "01" and "00" are True and False. */
const int = (line: string): number | bigint | boolean => (line === "01" ? true : line === "00" ? false : decimal(line));

const index = (line: string): number => {
  if (!/^\d{1,15}$/.test(line)) throw new PickleError("names a kept value by what is no number");
  return Number(line);
};

/** By their characters in the protocol. */
const operations: Readonly<Record<string, (machine: Machine) => void>> = {
  // Of the machine
  "\x80": (m) => {
    const protocol = m.number(1);
    if (protocol > 5) throw new PickleError(`is of protocol ${protocol}; protocols 0 to 5 are read`);
  },
  "\x95": (m) => void m.number(8), // FRAME: how much of it may be read at once
  "(": (m) => m.mark(),
  "0": (m) => void m.pop(),
  "1": (m) => void m.marked(),
  "2": (m) => m.push(m.top()),
  p: (m) => m.remember(index(m.line())),
  q: (m) => m.remember(m.number(1)),
  r: (m) => m.remember(m.number(4)),
  "\x94": (m) => m.remember(m.memorised),
  g: (m) => m.recall(index(m.line())),
  h: (m) => m.recall(m.number(1)),
  j: (m) => m.recall(m.number(4)),
  // Plain values
  N: (m) => m.push(null),
  "\x88": (m) => m.push(true),
  "\x89": (m) => m.push(false),
  I: (m) => m.push(int(m.line())),
  L: (m) => m.push(decimal(m.line())),
  F: (m) => m.push(float(m.line())),
  J: (m) => m.push(m.signed()),
  K: (m) => m.push(m.number(1)),
  M: (m) => m.push(m.number(2)),
  "\x8a": (m) => m.long(m.number(1)),
  "\x8b": (m) => m.long(m.number(4)),
  G: (m) => m.push(m.double()),
  X: (m) => m.push(m.text(m.number(4))),
  "\x8c": (m) => m.push(m.text(m.number(1))),
  "\x8d": (m) => m.push(m.text(m.number(8))),
  V: (m) => m.push(unescaped(m.bytesOfLine())),
  // Texts of Python 2, and bytes
  U: (m) => m.push(m.text(m.number(1))),
  T: (m) => m.push(m.text(m.number(4))),
  C: (m) => m.push(m.take(m.number(1))),
  B: (m) => m.push(m.take(m.number(4))),
  "\x8e": (m) => m.push(m.take(m.number(8))),
  // Containers
  ")": (m) => m.push([]),
  "\x85": (m) => m.push([m.pop()]),
  "\x86": (m) => m.push([m.pop(), m.pop()].reverse()),
  "\x87": (m) => m.push([m.pop(), m.pop(), m.pop()].reverse()),
  t: (m) => m.push(m.marked()),
  "]": (m) => m.push([]),
  l: (m) => m.push(m.marked()),
  a: (m) => {
    const value = m.pop();
    m.append([value]);
  },
  e: (m) => {
    const values = m.marked();
    m.append(values);
  },
  "}": (m) => m.push(new Map()),
  d: (m) => m.push(fill(new Map(), m.marked())),
  s: (m) => {
    const value = m.pop();
    const key = m.pop();
    m.setItems([key, value]);
  },
  u: (m) => {
    const values = m.marked();
    m.setItems(values);
  },
  "\x8f": (m) => m.push([]),
  "\x90": (m) => {
    const values = m.marked();
    m.append(values);
  },
  "\x91": (m) => m.push(m.marked()),
  // What the user decides on
  c: (m) => m.global(m.line(), m.line()),
  "\x93": (m) => {
    const name = m.pop();
    m.global(m.pop(), name);
  },
  R: (m) => m.call(m.pop()),
  "\x81": (m) => m.call(m.pop()), // NEWOBJ: a class instead of a function
  b: (m) => {
    const state = m.pop();
    m.user.build(m.top(), state);
  },
  P: (m) => m.push(m.user.persistent(m.line())),
  Q: (m) => m.push(m.user.persistent(m.pop())),
};
