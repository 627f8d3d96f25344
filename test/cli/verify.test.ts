/** `mganet verify` on the built-in cases, a wrong one, and files that are not cases. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { parseSafetensors, serializeSafetensors, type SafeTensor } from "../../src/data/safetensors.ts";
import { networks } from "../support/reference.ts";
import { slow } from "../support/selection.ts";
import { expectRefused, mganet, temporaryFolder } from "./support.ts";

const dir = temporaryFolder();
const file = path.join(dir, "case.safetensors");
const name = "test/reference/data/mganet-none.safetensors";
const original = parseSafetensors(readFileSync(name), name);

/** Writes the case with other metadata and tensors; undefined leaves one out. */
function writeCase(
  metadata: Record<string, string | undefined>,
  tensors: Record<string, SafeTensor | undefined> = {},
): void {
  const merged = new Map<string, SafeTensor | undefined>([...original.tensors, ...Object.entries(tensors)]);
  const given = (entry: [string, unknown]) => entry[1] !== undefined;
  const kept = [...merged].filter(given) as [string, SafeTensor][];
  const texts = Object.entries({ ...original.metadata, ...metadata }).filter(given) as [string, string][];
  writeFileSync(file, serializeSafetensors(kept, Object.fromEntries(texts)));
}

const zeros = (...shape: number[]): SafeTensor => {
  return { dtype: "F32", shape, data: new Float32Array(shape.reduce((a, b) => a * b, 1)) };
};

test("all built-in cases, of each model, agree with PyTorch", slow, async () => {
  const { code, out, err } = await mganet("verify");
  expect([code, err]).toEqual([0, []]);
  const titles = out.flatMap((line) => /^(\w+-.+) \(\d/.exec(line)?.[1] ?? []);
  expect(titles).toEqual([...networks].sort());
  expect(out.filter((line) => line.endsWith("agrees")).length).toBeGreaterThanOrEqual(6 * titles.length - 1);
  expect(out.at(-1)).toBe("All agree.");
});

test("with less than the adapter has, the kernels that do with it agree as well", slow, async () => {
  const lines = async (...args: string[]) => {
    const { code, out, err } = await mganet("verify", "--case", name, ...args);
    expect([code, err, out.at(-1)]).toEqual([0, [], "All agree."]);
    return out;
  };
  const [without] = await lines("--without", "subgroups,shader-f16", "--default-limits");
  expect(without).toMatch(/; no subgroups, 8 storage buffers of 128\.0 MiB, 256 threads and 16\.0 KiB a workgroup$/);
  const [usual] = await lines();
  const [plain] = await lines("--plain");
  expect(plain).toBe(`${usual}; plain kernels only`);
});

test("a feature that there is not is refused", async () => {
  for (const features of ["warps", "subgroups,", "", "subgroups shader-f16"]) {
    await expectRefused(["verify", "--without", features], /'--without <features>'.*list of subgroups, shader-f16/);
  }
});

test("a case that is wrong in one tensor is reported as such, with exit code 1, and its results are written", async () => {
  const right = original.tensors.get("train.logits")!;
  writeCase(
    {},
    { "train.logits": { ...right, data: (right.data as Float32Array).map((v) => 1.01 * v) } as SafeTensor },
  );
  const results = path.join(dir, "results.safetensors");
  const { code, out, err } = await mganet("verify", "--case", file, "--out", results);
  expect([code, err]).toEqual([1, []]);
  const differing = out.filter((line) => line.endsWith("DIFFERS"));
  expect(differing).toEqual([expect.stringMatching(/^ {2}logits +relative error 9\.9e-3/)]);
  expect(out.at(-1)).toMatch(/^Some do not agree/);
  const { tensors } = parseSafetensors(readFileSync(results), results);
  expect(tensors.get("train.logits")!.shape).toEqual([3, 2]);
});

test("metadata that make no sense are refused before anything is allocated", async () => {
  const numbers: Record<string, string[]> = {
    width: ["1e9", "0", "-1", "NaN", "Infinity", "", "wide", "4"],
    height: ["1e9", "0", "-64", "65", "96", "63.5", ""],
    width_px: ["1e9", "0", "-64", "65", "96", "63.5", ""],
    batch: ["1e9", "0", "-3", "2.5", "4", ""],
    lr: ["-1", "NaN", "2", ""],
    alpha: ["-1", "1e9", ""],
    pretrain_steps: ["-1", "1e9", "0.5", ""],
    joint_steps: ["-1", "1e9", "0.5", ""],
  };
  const texts = { fusion: ["sum", ""], at: ["(5,)", "(0", "[0]", "", "(-1)", "(00)"] };
  for (const [key, values] of Object.entries({ ...numbers, ...texts })) {
    for (const value of [...values, undefined]) {
      writeCase({ [key]: value });
      const { err } = await expectRefused(["verify", "--case", file], /metadata|tensor|width 4/);
      expect(err[0]).toContain(file);
    }
  }
});

test("tensors that are missing or of another shape are refused before the work begins", slow, async () => {
  const label = (...labels: number[]): SafeTensor => ({
    dtype: "I32",
    shape: [labels.length],
    data: Int32Array.from(labels),
  });
  const wrong: Record<string, (SafeTensor | undefined)[]> = {
    "in.image": [undefined, zeros(3, 3, 64, 65), zeros(3, 64, 64, 3), zeros(1)],
    "in.target": [undefined, zeros(3, 64, 64), zeros(3, 1, 32, 64)],
    "in.label": [undefined, zeros(3), label(0, 1), label(0, 1, 2), label(0, 1, -1)],
    "init.fc.weight": [undefined, zeros(32, 2), zeros(0)],
    "init.classifier.conv1.weight": [undefined, zeros(5, 3, 7, 7)],
    "init.unknown": [zeros(1)],
    "grad.fc.weight": [undefined, zeros(32, 2)],
    "train.logits": [undefined, zeros(2, 3), { dtype: "F64", shape: [3, 2], data: new Float64Array(6) }],
    "train.loss": [undefined, zeros(4)],
    "steps.losses": [undefined, zeros(9), zeros(0)],
  };
  for (const [tensor, values] of Object.entries(wrong)) {
    for (const value of values) {
      writeCase({}, { [tensor]: value });
      const { err } = await expectRefused(["verify", "--case", file], tensor.replace(/^init\./, ""));
      expect(err[0]).toContain(file);
    }
  }
});

test("files that are no cases are refused", async () => {
  for (const [content, reason] of [
    ["", "only 0 bytes long"],
    ["{}, no safetensors", "is above 100000000"],
    [serializeSafetensors([]), "metadata fusion is missing"],
  ] as const) {
    writeFileSync(file, content);
    await expectRefused(["verify", "--case", file], reason);
  }
  await expectRefused(["verify", "--case", dir], "is a folder, not a file");
  await expectRefused(["verify", "--case", path.join(dir, "missing")], "no such file or folder");
  await expectRefused(["verify", "--case", name, "--out", dir], "is a folder, not a file");
  expect(existsSync(path.join(dir, "missing"))).toBe(false);
});
