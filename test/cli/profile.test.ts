/** The options --profile and --trace. */
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import type { TraceEvent } from "../../src/graph/trace.ts";
import { encode, ultrasound } from "../node/data/images.ts";
import { expectTrace } from "../support/trace.ts";
import { checkpointBytes, expectRefused, mganet, temporaryFolder, tiny, write } from "./support.ts";

const dir = temporaryFolder();
const at = (...names: string[]) => path.join(dir, ...names);
beforeAll(async () => {
  mkdirSync(at("empty"));
  const jpeg = await encode(ultrasound(1)).jpeg().toBuffer();
  write(dir, { "a.jpg": jpeg, "b.jpg": jpeg, "model.safetensors": await checkpointBytes() });
});

const traceOf = (file: string) => JSON.parse(readFileSync(at(file), "utf8")) as { traceEvents: TraceEvent[] };
const processes = ({ traceEvents }: { traceEvents: TraceEvent[] }) =>
  traceEvents.filter(({ name }) => name === "process_name").map(({ args }) => args["name"]);

/** The tables of a plan: rows by kernel and by layer. */
function tablesOf(out: readonly string[], title: RegExp) {
  const begin = out.findIndex((line) => title.test(line));
  expect(begin, `a line ${title}`).toBeGreaterThanOrEqual(0);
  const lines = out.slice(begin);
  const rows = (head: RegExp) => {
    const from = lines.findIndex((line) => head.test(line)) + 1;
    return lines.slice(from, lines.indexOf("", from));
  };
  for (const line of lines.slice(0, 60)) expect(line.length, line).toBeLessThanOrEqual(100);
  const ms = Number(/: ([\d.]+) ms in \d+ dispatches/.exec(lines[0]!)![1]);
  return { ms, best: lines[1]!, kernels: rows(/^kernel\/variant +calls +ms +share/), layers: rows(/^layer +/) };
}

describe("train", () => {
  test("prints a table of each stage and writes both into one trace", async () => {
    const args = [...tiny, "--out", at("run"), "--profile", "--trace", at("traces", "run.json")];
    const { code, out, err } = await mganet("train", ...args);
    expect([code, err]).toEqual([0, []]);
    for (const stage of ["segmentation", "joint"]) {
      const { ms, best, kernels, layers } = tablesOf(out, new RegExp(`^${stage} step: `));
      expect(best).toMatch(/best: [\d.e+]+ GFLOP\/s of multiply-adds, [\d.]+ GB\/s of copying/);
      expect(kernels.length).toBeGreaterThan(10);
      expect(kernels.length).toBeLessThanOrEqual(24);
      expect(
        kernels.some((row) => /^conv2d\.weightGrad\/\w+ +\d+ +[\d.]+ +[\d.]+ % +[\d.]+ +[\d.]+ % /.test(row)),
      ).toBe(true);
      expect(layers.some((row) => row.startsWith("segmenter"))).toBe(true);
      // What is left out of a table would be missing in its sum.
      const times = kernels.map((row) => Number(/^(?:\d+ other kernels|\S+) +\d+ +([\d.]+)/.exec(row)![1]));
      expect(Math.abs(times.reduce((a, b) => a + b) - ms)).toBeLessThan(0.05 * kernels.length);
    }
    const trace = traceOf("traces/run.json");
    expectTrace(trace);
    expect(processes(trace)).toEqual(["segmentation step", "joint step"]);
  });

  test("with --trace alone prints no table; a resumed run can be profiled too", async () => {
    const { code, out } = await mganet(
      "train",
      ...tiny,
      "--joint-epochs",
      "0",
      "--out",
      at("quiet"),
      "--trace",
      at("quiet.json"),
    );
    expect([code, out.some((line) => line.startsWith("kernel/variant"))]).toEqual([0, false]);
    expect(processes(traceOf("quiet.json"))).toEqual(["segmentation step"]);
    await expectRefused(["train", "--resume", at("quiet"), "--profile", "--trace", at("x")], "this run has finished");
  });

  test("refuses a trace that cannot be written, before any work", async () => {
    await expectRefused(["train", ...tiny, "--out", at("new"), "--trace", at("empty")], "is a folder, not a file");
    await expectRefused(["train", "--trace", ""], "--trace");
    expect(existsSync(at("new"))).toBe(false);
  });
});

describe("predict", () => {
  const predict = (...args: string[]) => [
    "predict",
    at("a.jpg"),
    at("b.jpg"),
    "--run",
    at("model.safetensors"),
    ...args,
  ];

  test("prints a table and writes a trace of the first batch", async () => {
    const { code, out, err } = await mganet(...predict("--out", at("p"), "--profile", "--trace", at("p.json")));
    expect([code, err]).toEqual([0, []]);
    const { kernels, layers } = tablesOf(out, /^inference of 2 images: /);
    expect(kernels.some((row) => row.startsWith("conv2d/"))).toBe(true);
    expect(out.find((line) => line.startsWith("layer "))).not.toMatch(/backward/);
    expect(layers.length).toBeGreaterThan(5);
    expectTrace(traceOf("p.json"));
    expect(existsSync(at("p", "predictions.json"))).toBe(true);
  });

  test("refuses a trace that cannot be written", async () => {
    await expectRefused(predict("--out", at("q"), "--trace", at("a.jpg", "x")), "is not a folder");
    expect(existsSync(at("q"))).toBe(false);
  });
});
