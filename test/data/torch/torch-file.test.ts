/** PyTorch's own files are read as PyTorch reads them; programs in them are refused, and damage never passes for weights. */
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { widened } from "../../../src/data/half-floats.ts";
import type { SafeTensor } from "../../../src/data/safetensors.ts";
import { stateDictOf } from "../../../src/data/torch/state-dict.ts";
import { isTorchFile, parseTorchFile, TorchFileError, type TorchValue } from "../../../src/data/torch/torch-file.ts";
import { crcOf } from "../../../src/data/pictures/png.ts";

const folder = new URL("../../reference/data/torch/", import.meta.url);
const bytesOf = (name: string) => new Uint8Array(readFileSync(new URL(name, folder)));
const expected = JSON.parse(readFileSync(new URL("expected.json", folder), "utf8")) as Record<
  string,
  Record<string, { dtype: string; shape: number[]; values: number[] }>
>;

function numbers({ dtype, data }: SafeTensor): number[] {
  if (dtype === "F16") return [...widened(data)];
  if (dtype === "BF16") return [...new Float32Array(Uint32Array.from(data, (word) => word << 16).buffer)];
  return Array.from(data as Iterable<number | bigint>, Number);
}

const described = (tensors: Map<string, SafeTensor>) =>
  Object.fromEntries(
    [...tensors].map(([name, tensor]) => [name, { dtype: tensor.dtype, shape: tensor.shape, values: numbers(tensor) }]),
  );

describe("files of torch.save", () => {
  test.each(Object.keys(expected))("%s has PyTorch's numbers", (name) => {
    const bytes = bytesOf(name);
    expect(isTorchFile(bytes)).toBe(true);
    const { tensors } = stateDictOf(parseTorchFile(bytes, name), name);
    expect(described(tensors)).toEqual(expected[name]);
  });

  test.each(["checkpoint-zip.pth", "checkpoint-old.pth"])("%s: says where the weights were", (name) => {
    const value = parseTorchFile(bytesOf(name), name);
    expect(stateDictOf(value, name).notes).toEqual([
      'the weights under "model" are taken',
      'names are read without "module."',
    ]);
    const checkpoint = value as Map<TorchValue, TorchValue>;
    expect(checkpoint.get("epoch")).toBe(3);
    expect(checkpoint.get("big")).toBe(2n ** 70n);
    expect(checkpoint.get("size")).toEqual([1, 2]);
    expect(checkpoint.get("args")).toBeUndefined();
    expect((checkpoint.get("names") as string[]).toSorted()).toEqual(["a", "b"]);
  });

  test("a zip of a big-endian machine gives the same numbers", () => {
    const bytes = bytesOf("dtypes-zip.pth");
    const turned = edited(bytes, (name, content) => {
      const key = /\/data\/(\d+)$/.exec(name)?.[1];
      if (key === undefined) return name.endsWith("/byteorder") ? undefined : content;
      const size = [8, 4, 2, 2, 8, 4, 2, 1, 1, 1][Number(key)]!;
      const copy = content.slice();
      for (let at = 0; at < copy.length; at += size) copy.subarray(at, at + size).reverse();
      return copy;
    });
    const big = zipOf([...turned, ["archive/byteorder", new TextEncoder().encode("big")]]);
    const { tensors } = stateDictOf(parseTorchFile(big, "big.pth"), "big.pth");
    expect(described(tensors)).toEqual(expected["dtypes-zip.pth"]);
  });

  test.each([
    [
      "refused-module.pth",
      /^x: needs torch\.nn\.modules\.container\.Sequential, .* torch\.save\(model\.state_dict\(\), FILE\)$/,
    ],
    ["refused-torchscript.pth", /^x: is a TorchScript program; save its weights alone/],
    ["refused-sparse.pth", /^x: has a tensor that is sparse/],
    ["refused-quantised.pth", /^x: has (?:a tensor that is sparse, quantised|numbers of the kind QInt8)/],
    ["refused-complex.pth", /^x: has numbers of the kind ComplexFloat, which are not read$/],
    ["refused-nested.pth", /^x: has no weights by the names that PyTorch's scripts use .*; it has "settings"$/],
    ["refused-list.pth", /^x: has no weights: it is no dict of tensors$/],
  ])("%s is refused in one line", (name, reason) => {
    const read = () => stateDictOf(parseTorchFile(bytesOf(name), "x"), "x");
    expect(read).toThrow(TorchFileError);
    expect(read).toThrow(reason);
  });
});

/** The files of a stored zip, changed; undefined leaves one out. */
function edited(bytes: Uint8Array, change: (name: string, content: Uint8Array) => Uint8Array | undefined) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const end = bytes.length - 22;
  let at = view.getUint32(end + 16, true);
  const files: [string, Uint8Array][] = [];
  for (let i = view.getUint16(end + 10, true); i > 0; i--) {
    const [nameLength, extra, comment] = [28, 30, 32].map((field) => view.getUint16(at + field, true)) as [
      number,
      number,
      number,
    ];
    const name = new TextDecoder().decode(bytes.subarray(at + 46, at + 46 + nameLength));
    const [size, place] = [view.getUint32(at + 24, true), view.getUint32(at + 42, true)];
    const from = place + 30 + view.getUint16(place + 26, true) + view.getUint16(place + 28, true);
    const content = change(name, bytes.subarray(from, from + size));
    if (content) files.push([name.replace(/^[^/]+/, "archive"), content]);
    at += 46 + nameLength + extra + comment;
  }
  return files;
}

interface Written {
  /** As the directory says. */
  method?: number;
  crc?: number;
}

/** A stored zip. */
function zipOf(files: readonly (readonly [string, Uint8Array])[], { method = 0, crc }: Written = {}): Uint8Array {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let at = 0;
  for (const [name, content] of files) {
    const header = Buffer.alloc(30 + name.length);
    header.writeUInt32LE(0x04034b50);
    header.writeUInt16LE(name.length, 26);
    header.write(name, 30);
    const entry = Buffer.alloc(46 + name.length);
    entry.writeUInt32LE(0x02014b50);
    entry.writeUInt16LE(method, 10);
    entry.writeUInt32LE(crc ?? crcOf(content), 16);
    entry.writeUInt32LE(content.length, 20);
    entry.writeUInt32LE(content.length, 24);
    entry.writeUInt16LE(name.length, 28);
    entry.writeUInt32LE(at, 42);
    entry.write(name, 46);
    parts.push(header, Buffer.from(content));
    directory.push(entry);
    at += header.length + content.length;
  }
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50);
  end.writeUInt16LE(files.length, 8);
  end.writeUInt16LE(files.length, 10);
  end.writeUInt32LE(
    directory.reduce((sum, { length }) => sum + length, 0),
    12,
  );
  end.writeUInt32LE(at, 16);
  return new Uint8Array(Buffer.concat([...parts, ...directory, end]));
}

const latin = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0));
/** A zip whose pickle this is, beside eight bytes of numbers. */
const withPickle = (pickle: string) =>
  zipOf([
    ["archive/data.pkl", latin(pickle)],
    ["archive/data/0", new Uint8Array(8)],
  ]);
const refusal = (bytes: Uint8Array): string => {
  try {
    parseTorchFile(bytes, "x");
  } catch (error) {
    if (error instanceof TorchFileError) return error.message;
    throw error;
  }
  throw new Error("it was read");
};

const STORAGE = "(X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\x000X\x03\0\0\0cpuK\x02tQ";
const tensor = (offset: string, shape: string, strides: string) =>
  `\x80\x02ctorch._utils\n_rebuild_tensor_v2\n(${STORAGE}${offset}(${shape}t(${strides}t\x89NtR.`;

describe("pickles made to do harm", () => {
  test.each([
    [
      "a command",
      "\x80\x02cos\nsystem\n(X\x04\0\0\0truetR.",
      /needs os\.system, which belongs to a program and is not run/,
    ],
    ["eval", "c__builtin__\neval\n(X\x011t\x52.", /needs __builtin__\.eval/],
    ["a name by way of the stack", "\x80\x04\x8c\x08builtins\x8c\x04exec\x93.", /needs builtins\.exec/],
    ["a name with control characters", "cos\x1b[31m\nsystem\n.", /^x: needs os\?\?31m\.system/],
    ["an attribute of a function", "ccollections\nOrderedDict\n}b.", /sets attributes of what has none/],
    ["a call of a text", "X\x01\0\0\0a)R.", /calls what is no function/],
    ["an inherited name", "cconstructor\nconstructor\n.", /needs constructor\.constructor/],
    ["an opcode of extensions", "\x80\x02\x82\x01.", /opcode 0x82 at byte 2 is not read/],
    ["nothing", ".", /takes a value that it has not put/],
    ["a text longer than the file", "X\xff\xff\xff\x7fabc", /ends too soon/],
    ["an int of a gigabyte", "\x8b\xff\xff\xff\x7f", /has an int of/],
    ["a mark for a value", "(0.", /takes a value that it has not put/],
    ["a kept value that is not", "h\x07.", /takes value 7, which it has not kept/],
    ["a list that holds itself", "]q\0h\0a.", /holds itself, or is too deep/],
    ["a thousand lists in each other", `${"]".repeat(1000)}${"a".repeat(999)}.`, /holds itself, or is too deep/],
    ["a later protocol", "\x80\x09.", /is of protocol 9/],
    ["a tensor beyond its numbers", tensor("K\x01", "K\x02", "K\x01"), /lies outside the numbers/],
    ["a tensor before its numbers", tensor("J\xff\xff\xff\xff", "K\x02", "K\x01"), /has a shape, strides or an offset/],
    [
      "a tensor of strides 0",
      tensor("K\0", "J\xff\xff\xff\x7fJ\xff\xff\xff\x7f", "K\0K\0"),
      /numbers, but only 2 are kept/,
    ],
    [
      "numbers that are not there",
      tensor("K\0", "K\x02", "K\x01").replace("\x000X", "\x001X"),
      /lacks its numbers data\/1/,
    ],
    [
      "more numbers than there are",
      tensor("K\0", "K\x04", "K\x01").replace("cpuK\x02", "cpuK\x04"),
      /needs 16 bytes, of which 8/,
    ],
  ])("%s", (_, pickle, reason) => {
    expect(refusal(withPickle(pickle))).toMatch(reason);
  });

  test("the tensor of these tests is read where nothing is wrong", () => {
    expect(parseTorchFile(withPickle(tensor("K\0", "K\x02", "K\x01")), "x")).toEqual({
      dtype: "F32",
      shape: [2],
      data: new Float32Array(2),
    });
  });

  test("texts of protocol 0 have Python's escapes", () => {
    // pickle.dumps("a\\é😀\n", 0)
    const pickle = "Va\\u005c\xe9\\U0001f600\\u000a\np0\n.";
    expect(parseTorchFile(withPickle(pickle), "x")).toBe("a\\é😀\n");
  });

  test("numbers that are taken a million times are refused before they fill the memory", () => {
    const numbers = new Uint8Array(2 ** 20);
    const one = `ctorch._utils\n_rebuild_tensor_v2\n(${STORAGE.replace("cpuK\x02", "cpuJ\0\0\x04\0")}K\0(J\0\0\x04\0t(K\x01t\x89NtR`;
    const pickle = `\x80\x02(${one.repeat(1000)}l.`;
    const files = [
      ["archive/data.pkl", latin(pickle)],
      ["archive/data/0", numbers],
    ] as const;
    expect(refusal(zipOf(files))).toMatch(/repeat the same numbers more often than any model would/);
  });

  test("zips that are compressed, damaged, double or no PyTorch's are refused", () => {
    const pickle = ["archive/data.pkl", latin("N.")] as const;
    expect(parseTorchFile(zipOf([pickle]), "x")).toBeNull();
    expect(refusal(zipOf([pickle], { method: 8 }))).toMatch(/is compressed, as PyTorch's files are not/);
    expect(refusal(zipOf([pickle], { crc: 1 }))).toMatch(/is damaged: its CRC-32/);
    expect(refusal(zipOf([pickle, pickle]))).toMatch(/has two files of the name/);
    expect(refusal(zipOf([["a.txt", latin("a")]]))).toMatch(/is a zip, but not one of PyTorch's/);
  });

  test("no other bytes are taken for one", () => {
    expect(isTorchFile(new Uint8Array())).toBe(false);
    expect(refusal(new Uint8Array())).toBe("x: is no file of PyTorch's torch.save");
    expect(refusal(latin("hello"))).toBe("x: is no file of PyTorch's torch.save");
  });
});

describe("damaged files", () => {
  const names = readdirSync(folder).filter((name) => name.endsWith(".pth"));

  test.each(names)("%s cut anywhere is refused", (name) => {
    const bytes = bytesOf(name);
    const step = Math.max(1, Math.floor(bytes.length / 400));
    for (let length = 0; length < bytes.length; length += step) refusal(bytes.slice(0, length));
  });

  test.each(names)("%s with any byte changed is refused, or read as something, never with another error", (name) => {
    const bytes = bytesOf(name);
    let state = 1;
    const random = (below: number) => (state = (state * 48271) % 2147483647) % below;
    for (let i = 0; i < 400; i++) {
      const changed = bytes.slice();
      changed[random(changed.length)] = random(256);
      try {
        stateDictOf(parseTorchFile(changed, "x"), "x");
      } catch (error) {
        if (!(error instanceof TorchFileError)) throw error;
      }
    }
  });
});
