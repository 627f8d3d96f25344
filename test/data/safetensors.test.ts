import { describe, expect, it } from "vitest";
import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";
import { uniformInt } from "pure-rand/distribution/uniformInt";
import {
  parseSafetensors,
  SafetensorsError,
  serializeSafetensors,
  type SafeTensor,
} from "../../src/data/safetensors.ts";

/** A file from a header (text, or something to be made JSON) and data, the header's length as it is or as claimed. */
function file(header: unknown, data: Uint8Array | number = 0, claimed?: bigint, pad = true): Uint8Array {
  let text = typeof header === "string" ? header : JSON.stringify(header);
  if (pad) text = text.padEnd(Math.ceil(text.length / 8) * 8);
  const head = new TextEncoder().encode(text);
  const tail = typeof data === "number" ? new Uint8Array(data) : data;
  const bytes = new Uint8Array(8 + head.length + tail.length);
  new DataView(bytes.buffer).setBigUint64(0, claimed ?? BigInt(head.length), true);
  bytes.set(head, 8);
  bytes.set(tail, 8 + head.length);
  return bytes;
}

const entry = (dtype: unknown, shape: unknown, begin: unknown, end: unknown) => ({
  dtype,
  shape,
  data_offsets: [begin, end],
});

const f32 = (shape: number[], values: number[]): SafeTensor => ({
  dtype: "F32",
  shape,
  data: Float32Array.from(values),
});

function message(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    expect(error).toBeInstanceOf(SafetensorsError);
    return (error as SafetensorsError).message;
  }
  return expect.unreachable("nothing was thrown");
}

const everyDtype = (): Map<string, SafeTensor> =>
  new Map<string, SafeTensor>([
    ["u8", { dtype: "U8", shape: [3], data: Uint8Array.of(1, 2, 255) }],
    ["weights.0", f32([2, 1, 3], [0.5, -1.25, 3e38, -0, Infinity, 1e-45])],
    ["scalar", f32([], [7])],
    ["empty", f32([2, 0, 3], [])],
    ["i8", { dtype: "I8", shape: [1], data: Int8Array.of(-128) }],
    ["i16", { dtype: "I16", shape: [2, 1], data: Int16Array.of(-32768, 5) }],
    ["u16", { dtype: "U16", shape: [1], data: Uint16Array.of(65535) }],
    ["i32", { dtype: "I32", shape: [2], data: Int32Array.of(-(2 ** 31), 9) }],
    ["u32", { dtype: "U32", shape: [1], data: Uint32Array.of(2 ** 32 - 1) }],
    ["i64", { dtype: "I64", shape: [2], data: BigInt64Array.of(-(2n ** 63n), 1n) }],
    ["u64", { dtype: "U64", shape: [1], data: BigUint64Array.of(2n ** 64n - 1n) }],
    ["f64", { dtype: "F64", shape: [1, 2], data: Float64Array.of(Math.PI, -1e300) }],
    ["f16", { dtype: "F16", shape: [1], data: Uint16Array.of(0x3c00) }],
    ["bf16", { dtype: "BF16", shape: [1], data: Uint16Array.of(0x3f80) }],
    ["bool", { dtype: "BOOL", shape: [2], data: Uint8Array.of(0, 1) }],
    ['名前 "\n\u2028', f32([1], [1])],
    ["__proto__", f32([1], [2])],
  ]);

describe("serializeSafetensors and parseSafetensors", () => {
  it("give back every dtype, shape, name and metadata, in order", () => {
    const tensors = everyDtype();
    const metadata = { note: "zwei\nZeilen", step: "12", "": "" };
    const bytes = serializeSafetensors(tensors, metadata);
    const back = parseSafetensors(bytes, "memory");
    expect(back.metadata).toEqual(metadata);
    expect([...back.tensors]).toEqual([...tensors]);
    expect(Object.is((back.tensors.get("weights.0")?.data as Float32Array)[3], -0)).toBe(true);
    expect(serializeSafetensors(back.tensors, back.metadata)).toEqual(bytes);
  });

  it("align the data: every tensor can be a view", () => {
    const bytes = serializeSafetensors(everyDtype());
    expect(Number(new DataView(bytes.buffer).getBigUint64(0, true)) % 8).toBe(0);
    for (const [, tensor] of parseSafetensors(bytes, "memory").tensors) expect(tensor.data.buffer).toBe(bytes.buffer);
  });

  it("write a file of nothing", () => {
    const bytes = serializeSafetensors([]);
    expect(bytes).toEqual(file("{}"));
    expect(parseSafetensors(bytes, "memory")).toEqual({ metadata: {}, tensors: new Map() });
  });

  it("write only the part of a buffer that a tensor views", () => {
    const all = Float32Array.of(1, 2, 3, 4);
    const bytes = serializeSafetensors([["part", { dtype: "F32", shape: [2], data: all.subarray(1, 3) }]]);
    expect(parseSafetensors(bytes, "memory").tensors.get("part")?.data).toEqual(Float32Array.of(2, 3));
  });

  it("write the layout the format describes", () => {
    const bytes = serializeSafetensors([["b", f32([1, 2], [1, -2])]], { k: "v" });
    const text = '{"__metadata__":{"k":"v"},"b":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]}}';
    expect(bytes).toEqual(file(text, new Uint8Array(Float32Array.of(1, -2).buffer)));
  });

  it.each([
    ["data too short", "t", { dtype: "F32", shape: [3], data: new Float32Array(2) }, "does not fit 2 elements"],
    ["a scalar of two", "t", { dtype: "F32", shape: [], data: new Float32Array(2) }, "does not fit 2 elements"],
    ["a negative extent", "t", { dtype: "F32", shape: [-1, -2], data: new Float32Array(2) }, "non-negative"],
    ["NaN as extent", "t", { dtype: "F32", shape: [NaN], data: new Float32Array(0) }, "non-negative"],
    ["an extent of 1.5", "t", { dtype: "F32", shape: [1.5, 2], data: new Float32Array(3) }, "non-negative"],
    [
      "the wrong array",
      "t",
      { dtype: "F32", shape: [2], data: new Int32Array(2) },
      "needs Float32Array, got Int32Array",
    ],
    ["an unknown dtype", "t", { dtype: "C64", shape: [2], data: new Float32Array(2) }, "unknown dtype C64"],
    ["an inherited dtype", "t", { dtype: "toString", shape: [2], data: new Float32Array(2) }, "unknown dtype"],
    ["the reserved name", "__metadata__", f32([1], [1]), "reserved"],
  ])("refuse to write %s", (_, key, tensor, reason) => {
    const said = message(() => serializeSafetensors([[key, tensor as SafeTensor]]));
    expect(said).toContain(`tensor "${key}"`);
    expect(said).toContain(reason);
  });

  it("refuse one name twice, and metadata that is no string", () => {
    expect(message(() => serializeSafetensors([["a", f32([], [1])], ["a", f32([], [2])]]))).toContain("same name"); // prettier-ignore
    expect(message(() => serializeSafetensors([], { a: 1 } as unknown as Record<string, string>))).toContain("string");
  });
});

describe("parseSafetensors", () => {
  it("copies what is not aligned", () => {
    const data = new Uint8Array(13);
    new DataView(data.buffer).setFloat32(1, 1.5, true);
    new DataView(data.buffer).setFloat64(5, -2.5, true);
    const header = { a: entry("U8", [1], 0, 1), b: entry("F32", [1], 1, 5), c: entry("F64", [], 5, 13) };
    for (const pad of [true, false]) {
      const { tensors } = parseSafetensors(file(header, data, undefined, pad), "memory");
      expect(tensors.get("b")?.data).toEqual(Float32Array.of(1.5));
      expect(tensors.get("c")?.data).toEqual(Float64Array.of(-2.5));
    }
  });

  it("reads from the middle of a buffer, at any offset", () => {
    const bytes = serializeSafetensors(everyDtype());
    for (let offset = 0; offset < 9; offset++) {
      const shifted = new Uint8Array(bytes.length + 16).subarray(offset, offset + bytes.length);
      shifted.set(bytes);
      expect([...parseSafetensors(shifted, "memory").tensors]).toEqual([...everyDtype()]);
    }
  });

  it("reads data that are not in the header's order", () => {
    const data = new Uint8Array(Float32Array.of(1, 2, 3).buffer);
    const { tensors } = parseSafetensors(file({ z: entry("F32", [2], 4, 12), a: entry("F32", [1], 0, 4) }, data), "m");
    expect([...tensors].map(([key, t]) => [key, [...(t.data as Float32Array)]])).toEqual([
      ["z", [2, 3]],
      ["a", [1]],
    ]);
  });

  const one = entry("F32", [1], 0, 4);
  const big = 2 ** 53;
  const cases: [what: string, bytes: Uint8Array, reason: string][] = [
    ["no bytes", new Uint8Array(0), "only 0 bytes"],
    ["seven bytes", new Uint8Array(7), "only 7 bytes"],
    ["an empty header", file("", 0), "not JSON"],
    ["a header longer than the file", file({ a: one }, 4, 1000n), "is more than the"],
    ["a header length above 100 MB", file({ a: one }, 4, 100_000_001n), "is above 100000000"],
    ["a header length of 2^64-1", file({ a: one }, 4, 2n ** 64n - 1n), "header length 18446744073709551615"],
    ["a header cut short", file({ a: one }, 4, 16n), "not JSON"],
    ["a header that is not JSON", file("{'a': 1}\n\nx"), "not JSON"],
    ["a header that is not UTF-8", file('{"a":1}').fill(0xff, 10, 12), "not JSON"],
    ["a byte order mark", file("\uFEFF{}"), "not JSON"],
    ["a header nested without end", file("[".repeat(200_000)), "not JSON"],
    ["a list as header", file([]), "not a JSON object"],
    ["null as header", file("null"), "not a JSON object"],
    ["a number as header", file("12"), "not a JSON object"],
    ["a number as metadata", file({ __metadata__: 3 }), "__metadata__"],
    ["metadata of numbers", file({ __metadata__: { a: 3 } }), "__metadata__"],
    ["null as tensor", file({ a: null }), 'tensor "a"'],
    ["a list as tensor", file({ a: [1] }), 'tensor "a"'],
    ["no dtype", file({ a: { shape: [1], data_offsets: [0, 4] } }, 4), "dtype"],
    ["an unknown dtype", file({ a: entry("F4", [1], 0, 4) }, 4), "dtype"],
    ["an inherited dtype", file({ a: entry("constructor", [1], 0, 4) }, 4), "dtype"],
    ["no shape", file({ a: { dtype: "F32", data_offsets: [0, 4] } }, 4), "shape"],
    ["a number as shape", file({ a: entry("F32", 1, 0, 4) }, 4), "shape"],
    ["a negative extent", file({ a: entry("F32", [-1], 0, 4) }, 4), "shape.0"],
    ["two negative extents", file({ a: entry("F32", [-1, -1], 0, 4) }, 4), "shape.0"],
    ["a fraction as extent", file({ a: entry("F32", [0.5, 2], 0, 4) }, 4), "shape.0"],
    ["text as extent", file({ a: entry("F32", ["1"], 0, 4) }, 4), "shape.0"],
    ["NaN as extent", file('{"a":{"dtype":"F32","shape":[NaN],"data_offsets":[0,4]}}', 4), "not JSON"],
    ["infinity as extent", file('{"a":{"dtype":"F32","shape":[1e999],"data_offsets":[0,4]}}', 4), "shape.0"],
    ["an extent above 2^53", file({ a: entry("F32", [big], 0, 4) }, 4), "shape.0"],
    ["a huge shape", file({ a: entry("F32", [2 ** 40], 0, 4) }, 4), "takes 4398046511104 bytes"],
    ["a shape whose product overflows", file({ a: entry("F32", [2 ** 52, 2 ** 52], 0, 4) }, 4), "too large"],
    ["a shape that overflows to 2^64 = 0", file({ a: entry("F32", [2 ** 32, 2 ** 32], 0, 0) }), "too large"],
    ["no offsets", file({ a: { dtype: "F32", shape: [1] } }, 4), "data_offsets"],
    ["one offset", file({ a: { dtype: "F32", shape: [1], data_offsets: [0] } }, 4), "data_offsets"],
    ["three offsets", file({ a: { dtype: "F32", shape: [1], data_offsets: [0, 4, 8] } }, 4), "data_offsets"],
    ["a negative offset", file({ a: entry("F32", [1], -4, 0) }, 4), "data_offsets.0"],
    ["a fraction as offset", file({ a: entry("F32", [1], 0.5, 4.5) }, 8), "data_offsets.0"],
    ["offsets backwards", file({ a: entry("F32", [1], 4, 0) }, 4), "begin after end"],
    ["offsets beyond the file", file({ a: entry("F32", [2], 0, 8) }, 4), "cut short"],
    ["offsets far beyond the file", file({ a: entry("F32", [2], big - 9, big - 1) }, 4), "outside"],
    ["offsets that hold less", file({ a: entry("F32", [2], 0, 4) }, 4), "takes 8 bytes"],
    ["offsets that hold more", file({ a: entry("F32", [1], 0, 8) }, 8), "takes 4 bytes"],
    ["a scalar of two", file({ a: entry("F32", [], 0, 8) }, 8), "takes 4 bytes"],
    ["overlap", file({ a: entry("F32", [2], 0, 8), b: entry("F32", [2], 4, 12) }, 12), 'tensor "b": data overlaps'],
    ["the same place twice", file({ a: one, b: one }, 4), "overlaps"],
    ["an empty tensor inside another", file({ a: entry("F32", [2], 0, 8), b: entry("F32", [0], 4, 4) }, 8), "overlaps"],
    ["a gap", file({ a: one, b: entry("F32", [1], 8, 12) }, 12), "bytes 4 to 8"],
    ["a gap at the start", file({ a: entry("F32", [1], 4, 8) }, 8), "bytes 0 to 4"],
    ["bytes left over", file({ a: one }, 7), "3 bytes after the last tensor"],
    ["an unknown field", file({ a: { ...one, strides: [1] } }, 4), "strides"],
  ];
  it.each(cases)("refuses %s", (_, bytes, reason) => {
    const said = message(() => parseSafetensors(bytes, "runs/best.safetensors"));
    expect(said).toMatch(/^runs\/best\.safetensors: [^\s\p{Cc}][^\p{Cc}\u2028]*$/u);
    expect(said.length).toBeLessThan(400);
    expect(said).toContain(reason);
  });

  it("keeps the message on one line, whatever the names in it", () => {
    const key = `a\n\u2028\u0007${"x".repeat(10_000)}`;
    const said = message(() => parseSafetensors(file({ [key]: 1 }), "folder\nname"));
    expect(said).toMatch(/^folder name: tensor "a[^\p{Cc}\u2028\u2029]*$/u);
    expect(said.length).toBeLessThan(400);
  });
});

describe("parseSafetensors on damaged files", () => {
  const small = serializeSafetensors(
    [
      ["w", f32([2, 2], [1, 2, 3, 4])],
      ["n", { dtype: "I32", shape: [3], data: Int32Array.of(1, -2, 3) }],
      ["b", { dtype: "U8", shape: [5], data: Uint8Array.of(1, 2, 3, 4, 5) }],
      ["d", { dtype: "F64", shape: [1], data: Float64Array.of(1 / 3) }],
    ],
    { step: "3" },
  );

  /** Tensors that agree with themselves, or a SafetensorsError; anything else fails the test. */
  function consistentOrRefused(bytes: Uint8Array): "parsed" | "refused" {
    let result;
    try {
      result = parseSafetensors(bytes, "damaged");
    } catch (error) {
      if (!(error instanceof SafetensorsError)) throw error;
      expect(error.message).toMatch(/^damaged: [^\p{Cc}\u2028\u2029]+$/u);
      return "refused";
    }
    let total = 0;
    for (const { shape, data } of result.tensors.values()) {
      expect(data.length).toBe(shape.reduce((product, extent) => product * extent, 1));
      total += data.byteLength;
    }
    expect(total).toBeLessThanOrEqual(bytes.length);
    return "parsed";
  }

  it("refuses every truncation", () => {
    for (let length = 0; length < small.length; length++) {
      expect(consistentOrRefused(small.slice(0, length)), `cut to ${length}`).toBe("refused");
      expect(consistentOrRefused(small.subarray(0, length)), `cut to ${length}`).toBe("refused");
    }
    expect(consistentOrRefused(small)).toBe("parsed");
  });

  it("survives random byte changes", () => {
    const random = xoroshiro128plus(20240611);
    const seen = { parsed: 0, refused: 0 };
    for (let trial = 0; trial < 2000; trial++) {
      const bytes = small.slice();
      const changes = uniformInt(random, 1, 4);
      // Every other trial stays in the header, where it hurts.
      const end = trial % 2 === 0 ? bytes.length : small.length - 41;
      for (let i = 0; i < changes; i++) bytes[uniformInt(random, 0, end - 1)] = uniformInt(random, 0, 255);
      seen[consistentOrRefused(bytes)]++;
    }
    // Both ends are reached: a change in the data goes unnoticed, one in the header seldom does.
    expect(seen.parsed).toBeGreaterThan(10);
    expect(seen.refused).toBeGreaterThan(1000);
  });

  it("survives every single-digit change of the header", () => {
    for (let at = 8; at < small.length; at++) {
      const was = small[at]!;
      if (was < 0x30 || was > 0x39) continue;
      for (let digit = 0x30; digit <= 0x39; digit++) {
        const bytes = small.slice();
        bytes[at] = digit;
        consistentOrRefused(bytes);
      }
    }
  });
});

describe("files that are unlike ours", () => {
  it("are read where a tensor is not aligned, also from Node's buffers", () => {
    // A header of odd length; two F32 after one U8.
    const header = { a: entry("U8", [1], 0, 1), b: entry("F32", [2], 1, 9) };
    const data = new Uint8Array(9);
    new DataView(data.buffer).setFloat32(1, 1.5, true);
    new DataView(data.buffer).setFloat32(5, -2, true);
    for (const pad of [true, false]) {
      for (const bytes of [file(header, data, undefined, pad), Buffer.from(file(header, data, undefined, pad))]) {
        expect(parseSafetensors(bytes, "x").tensors.get("b")!.data).toEqual(Float32Array.of(1.5, -2));
      }
    }
  });

  it("are refused where they name one tensor twice", () => {
    const one = JSON.stringify(entry("U8", [1], 0, 1));
    const two = JSON.stringify(entry("U8", [1], 1, 2));
    expect(message(() => parseSafetensors(file(`{"a":${one},"a":${two}}`, 2), "x"))).toBe(
      'x: header is not JSON: the key "a" appears twice in one object',
    );
  });
});
