/** The table of kernel cases agrees with the reference files: each case's tensors are as stated. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { describe, expect, it } from "vitest";
import * as z from "zod";
import { parseSafetensors } from "../../src/data/safetensors.ts";
import { models } from "../../src/models/registry.ts";
import { optimizers } from "../support/check-optimizer.ts";
import { networks } from "../support/reference.ts";

const here = new URL("./", import.meta.url);
const extents = z.array(z.int().positive());
const caseSchema = z.strictObject({
  name: z.string().regex(/^[a-zA-Z0-9-]+$/),
  why: z.string().optional(),
  in: z.record(z.string(), extents),
  params: z.record(z.string(), z.unknown()).optional(),
  values: z.record(z.string(), z.record(z.string(), z.unknown())).optional(),
});
const tableSchema = z.strictObject({
  ops: z.record(z.string(), z.array(caseSchema).min(5)),
  bench: z.record(z.string(), z.array(caseSchema).min(1)),
});
const table = tableSchema.parse(JSON.parse(readFileSync(new URL("cases.json", here), "utf8")));

const constant = new Set(["running_mean", "running_var", "label", "target", "step"]);
const product = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);

it("all reference data together stay below 22 MB", () => {
  const folder = new URL("data/", here);
  const entries = readdirSync(folder, { recursive: true }) as string[];
  const files = entries.map((name) => statSync(new URL(name, folder))).filter((file) => file.isFile());
  expect(files.reduce((sum, { size }) => sum + size, 0)).toBeLessThan(22_000_000);
});

it("the networks that tests name are those that there are", () => {
  const found = readdirSync(new URL("data/", here)).flatMap((file) => {
    return models.some(({ id }) => file.startsWith(`${id}-`)) ? [file.replace(".safetensors", "")] : [];
  });
  expect(found.sort()).toEqual([...networks].sort());
});

it("the benchmark's layers are of the same ops, with the same inputs and parameters", () => {
  expect(Object.keys(table.bench)).toEqual(Object.keys(table.ops));
  for (const [op, cases] of Object.entries(table.bench)) {
    const inputs = new Set(table.ops[op]!.flatMap((c) => Object.keys(c.in)));
    for (const { name, in: shapes, params } of cases) {
      expect([...inputs], `${op}/${name}`).toEqual(expect.arrayContaining(Object.keys(shapes)));
      expect(Object.keys(params ?? {}), `${op}/${name}`).toEqual(Object.keys(table.ops[op]![0]!.params ?? {}));
    }
  }
});

describe.each(Object.entries(table.ops))("%s", (op, cases) => {
  const path = new URL(`data/${op}.safetensors`, here);
  const { metadata, tensors } = parseSafetensors(readFileSync(path), `${op}.safetensors`);
  const errors = z.record(z.string(), z.number().nonnegative()).parse(JSON.parse(metadata["float32_error"] ?? ""));

  it("names its cases and their parameters alike", () => {
    expect(new Set(cases.map((c) => c.name)).size).toBe(cases.length);
    const own = (params: object = {}) => Object.keys(params).filter((key) => key !== "steps_before");
    for (const c of cases) expect(own(c.params), c.name).toEqual(own(cases[0]!.params));
  });

  it("has the data that the table states, and nothing else", () => {
    const expected = new Map<string, readonly number[] | undefined>();
    for (const { name, in: inputs, params } of cases) {
      for (const [input, shape] of Object.entries(inputs)) {
        expected.set(`${name}.in.${input}`, shape);
        if (!optimizers.has(op) && !constant.has(input)) expected.set(`${name}.grad.${input}`, shape);
      }
      if (optimizers.has(op)) {
        const state = op !== "sgd" ? ["m", "v"] : params?.["momentum"] === 0 ? [] : ["momentum_buffer"];
        const steps = Array.from({ length: Number(params?.["steps"]) }, (_, i) => `p${i + 1}`);
        for (const output of [...steps, ...state]) expected.set(`${name}.out.${output}`, inputs["p"]);
      } else {
        expected.set(`${name}.dy.y`, tensors.get(`${name}.out.y`)?.shape);
        expected.set(`${name}.out.y`, undefined);
      }
      if (op === "batch_norm") {
        expected.set(`${name}.out.running_mean`, inputs["running_mean"]);
        expected.set(`${name}.out.running_var`, inputs["running_var"]);
      }
    }
    expect([...tensors.keys()].sort()).toEqual([...expected.keys()].sort());
    for (const [key, shape] of expected) {
      const tensor = tensors.get(key)!;
      if (shape) expect(tensor.shape, key).toEqual(shape);
      expect(tensor.data.length, key).toBe(product(tensor.shape));
      expect(tensor.dtype, key).toBe(/\.in\.(label|step)$/.test(key) ? "I32" : "F32");
      expect([...(tensor.data as Float32Array)].every(Number.isFinite), key).toBe(true);
    }
  });

  it("says how near float32 comes to every result", () => {
    const results = [...tensors.keys()].filter((key) => /\.(out|grad)\./.test(key));
    expect(Object.keys(errors).sort()).toEqual(results.sort());
  });
});
