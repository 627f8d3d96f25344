/** Tuning records: what they store, for which adapter and code, and how unusable ones are handled. */
import { beforeEach, describe, expect, test } from "vitest";
import type { Gpu } from "../../src/gpu/gpu.ts";
import { everyVariant } from "../../src/kernels/every.ts";
import { type Kernel, type Lowering } from "../../src/kernels/kernel.ts";
import { codeOf, hash, labelOf, unitsOf, variantNames } from "../../src/tune/key.ts";
import { choiceFingerprint, TuningRecord, type Entry } from "../../src/tune/record.ts";
import { webStore, type TuningStore } from "../../src/tune/store.ts";
import { good, kernelOf, plain, variant } from "./support.ts";

const lavapipe = { vendor: "mesa", architecture: "software", device: "llvmpipe", description: "Mesa 25.0.7" };
/** A device on an adapter that says this of itself. Nothing else of it is asked for. */
const caps = { maxBindingBytes: 2 ** 27, offsetAlignment: 256 };
const on = (info: Partial<typeof lavapipe> = {}) => ({ info: { ...lavapipe, ...info }, caps }) as unknown as Gpu;
const gpu = on();

const other = variant("other", "y[i] = x[i] * 2.0;");
const kernel = kernelOf([good, other, plain]);
/** The same over so many images; the number is in the sizes, not in the code. */
const images = (units: number, variants: readonly Lowering[] = [good, other, plain]): Kernel => ({
  ...kernelOf(variants),
  inputs: [{ shape: [units, 7], dtype: "f32" }],
  parts: { units, of: (n) => images(n, variants) },
});
const entryOf = (kernel: Kernel, variant: string): Entry => {
  return { label: labelOf(kernel), code: codeOf(kernel, gpu.caps), units: unitsOf(kernel), variant };
};
const recordOf = (...entries: Entry[]) => {
  const record = new TuningRecord(gpu);
  for (const entry of entries) record.add(entry);
  return record;
};
const chosen = (record: TuningRecord, kernel: Kernel, on = gpu) => {
  const variants = everyVariant(kernel, on.caps);
  return record.choice(on)(kernel, variants)?.variant;
};

let texts: Map<string, string>;
let store: TuningStore;
beforeEach(() => {
  texts = new Map();
  store = webStore({ getItem: (key) => texts.get(key) ?? null, setItem: (key, text) => void texts.set(key, text) });
});
const onlyText = () => [...texts.values()][0]!;

test("a record survives", async () => {
  await recordOf(entryOf(kernel, "other"), entryOf(images(8), "plain")).save(gpu, store);
  const { record, reason } = await TuningRecord.load(on(), store);
  expect(reason).toBeUndefined();
  expect(record.size).toBe(2);
  expect([chosen(record, kernel), chosen(record, images(8))]).toEqual(["other", "plain"]);
});

test("without a record, or without an entry, the fixed order holds", async () => {
  const { record, reason } = await TuningRecord.load(gpu, store);
  expect([record.size, reason]).toEqual([0, undefined]);
  expect(chosen(record, kernel)).toBeUndefined();
  expect(chosen(recordOf(entryOf(images(8), "other")), kernel)).toBeUndefined();
  expect(chosen(recordOf(entryOf(kernel, "other")), { ...kernel, name: "thrice" })).toBeUndefined();
});

test("an entry holds for the code it was measured with, variants that came or went included", () => {
  const record = recordOf(entryOf(kernel, "other"));
  expect(chosen(record, kernelOf([good, other, plain]))).toBe("other");
  const changed = variant("other", "y[i] = 2.0 * x[i] + 0.0;");
  for (const variants of [
    [good, changed, plain],
    [good, other],
    [good, other, variant("new", ""), plain],
  ])
    expect(chosen(record, kernelOf(variants))).toBeUndefined();
  const wider: Lowering = { ...other, dispatches: [{ ...other.dispatches[0]!, workgroups: [9, 9, 9] }] };
  expect(chosen(record, kernelOf([good, wider, plain]))).toBeUndefined();
  expect(chosen(recordOf(entryOf(kernel, "gone")), kernel)).toBeUndefined();
});

test("the nearest number of images decides where the very one was not measured", () => {
  const record = recordOf(entryOf(images(2), "plain"), entryOf(images(16), "other"));
  const choices = [1, 2, 5, 6, 16, 500].map((n) => chosen(record, images(n)));
  expect(choices).toEqual(["plain", "plain", "plain", "other", "other", "other"]);
});

test("a later winner takes the place of an earlier one; what was measured with other code can be forgotten", () => {
  const record = recordOf(entryOf(kernel, "other"), entryOf(kernel, "plain"));
  expect([record.size, chosen(record, kernel)]).toEqual([1, "plain"]);
  const older = { ...entryOf(kernel, "good"), code: "older" };
  record.add(older);
  expect(record.size).toBe(2);
  record.forgetOthers(older.label, new Set([codeOf(kernel, gpu.caps)]));
  expect([record.size, chosen(record, kernel)]).toEqual([1, "plain"]);
});

test("what two programs write at a time is kept, shape by shape", async () => {
  const [a, b] = [recordOf(entryOf(kernel, "other")), recordOf(entryOf(images(8), "plain"))];
  await a.save(gpu, store);
  await b.save(gpu, store);
  const { record } = await TuningRecord.load(gpu, store);
  expect([chosen(record, kernel), chosen(record, images(8))]).toEqual(["other", "plain"]);
});

describe("is ignored, with a reason, and can be written anew: a record", () => {
  const cases: [string, (text: string) => string, string | RegExp][] = [
    ["cut off", (text) => text.slice(0, -20), "it is not JSON"],
    ["that is empty", () => "", "it is not JSON"],
    ["that is something else", () => '{"a": 1}', "it is not a tuning record"],
    ["that is null", () => "null", "it is not a tuning record"],
    ["of another format", (text) => text.replace("tuning-1", "tuning-7"), /^its format is mganet-tuning-7, not /],
    [
      "with an entry that makes no sense",
      (text) => text.replace('"units":1', '"units":-1'),
      "it is not a tuning record",
    ],
    ["of another driver", (text) => text.replace("25.0.7", "24.3.0"), "it belongs to another driver (Mesa 24.3.0)"],
    ["of another adapter", (text) => text.replace('"llvmpipe"', '"swiftshader"'), /^it belongs to another adapter/],
  ];
  test.each(cases)("%s", async (_, spoil, expected) => {
    await recordOf(entryOf(kernel, "other")).save(gpu, store);
    const spoilt = spoil(onlyText());
    expect(spoilt).not.toBe(onlyText());
    for (const key of texts.keys()) texts.set(key, spoilt);
    const { record, reason } = await TuningRecord.load(gpu, store);
    expect(reason).toMatch(expected);
    expect(record.size).toBe(0);
    expect(chosen(record, kernel)).toBeUndefined();
    await recordOf(entryOf(kernel, "plain")).save(gpu, store);
    const again = await TuningRecord.load(gpu, store);
    expect([again.reason, chosen(again.record, kernel)]).toEqual([undefined, "plain"]);
  });

  test("that cannot be read", async () => {
    const denied: TuningStore = { ...store, read: () => Promise.reject(new Error("permission denied")) };
    expect(await TuningRecord.load(gpu, denied)).toMatchObject({ reason: "permission denied", record: { size: 0 } });
  });
});

test("each adapter has a record of its own; a new driver's takes the place of the old one's", () => {
  const name = (info?: Partial<typeof lavapipe>) => new TuningRecord(on(info)).name;
  expect(name()).toMatch(/^mesa-llvmpipe-[0-9a-f]{8}$/);
  expect(name({ description: "Mesa 26" })).toBe(name());
  const names = [name(), name({ vendor: "other" }), name({ architecture: "x" }), name({ device: "../../etc" })];
  expect(new Set(names).size).toBe(4);
  for (const n of names) expect(n).toMatch(/^[a-z0-9-]+$/);
});

test("the first say of a record is told once", () => {
  let told = 0;
  const choice = recordOf(entryOf(kernel, "other")).choice(gpu, () => told++);
  choice(images(3), everyVariant(images(3), gpu.caps));
  expect(told).toBe(0);
  for (let i = 0; i < 3; i++) choice(kernel, everyVariant(kernel, gpu.caps));
  expect(told).toBe(1);
});

test("fingerprints tell variants apart, and nothing else", () => {
  const print = (record: TuningRecord, ...kernels: Kernel[]) => choiceFingerprint(gpu, [kernels], record.choice(gpu));
  expect(print(recordOf(), kernel, images(8))).toBe("fixed");
  expect(print(recordOf(entryOf(kernel, "good")), kernel, images(8))).toBe("fixed");
  const record = recordOf(entryOf(kernel, "other"));
  expect(print(record, images(8))).toBe("fixed");
  const one = print(record, kernel, images(8));
  expect(one).toMatch(/^[0-9a-f]{16}$/);
  expect(print(record, images(8), kernel, kernel)).toBe(one);
  expect(print(recordOf(entryOf(kernel, "plain")), kernel)).not.toBe(one);
  expect(print(recordOf(entryOf(kernel, "other"), entryOf(images(8), "other")), kernel, images(8))).not.toBe(one);
});

test("fingerprints know the pieces of a matrix larger than a binding", () => {
  const piece = { ...kernel, name: "piece" };
  // 192 MiB, by rows of 96.
  const rows = { units: 2, of: () => piece };
  const whole: Kernel = {
    ...kernel,
    inputs: [{ shape: [2, 3 * 2 ** 23], dtype: "f32" }],
    parts: { units: 1, of: () => whole, otherwise: rows },
  };
  const choice = ({ name }: Kernel, [, second]: readonly Lowering[]) => (name === "piece" ? second : undefined);
  expect(choiceFingerprint(gpu, [[kernel]], choice)).toBe("fixed");
  const expected = choiceFingerprint(gpu, [[piece]], choice);
  expect(expected).not.toBe("fixed");
  expect(choiceFingerprint(gpu, [[whole]], choice)).toBe(expected);
});

test("variants of one name are numbered, and found by that", () => {
  const twins = kernelOf([good, variant("other", "y[i] = x[i];"), other, plain]);
  expect(variantNames(everyVariant(twins, gpu.caps))).toEqual(["good", "other", "other#2", "plain"]);
  const lowered = everyVariant(twins, gpu.caps);
  expect(recordOf(entryOf(twins, "other#2")).choice(gpu)(twins, lowered)).toBe(lowered[2]);
});

test("hashes differ for texts that differ little", () => {
  const texts = Array.from({ length: 5000 }, (_, i) => `let x = ${i};`);
  expect(new Set(texts.map(hash)).size).toBe(texts.length);
  expect(hash("ab")).not.toBe(hash("ba"));
  expect(hash("")).toMatch(/^[0-9a-f]{16}$/);
});
