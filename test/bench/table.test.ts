import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { begun, readResults } from "../../bench/recorded.ts";
import { resultsSchema, type Result, type Results } from "../../bench/results.ts";
import { headlines, insertBetween, modelTables, opTables, speedTables } from "../../bench/table.ts";
import { byPeak } from "../../bench/yardstick.ts";
import { upToDate } from "../../bench/write-table.ts";

const timing = (medianMs: number) => ({ medianMs, spreadMs: 0.1 });

function result(name: string, ours: number, theirs: number, fraction = 0.5): Result {
  const group = name.split("/")[0] as Result["group"];
  return {
    name,
    group,
    batch: 2,
    rounds: 5,
    ours: { ...timing(ours), gflops: 50 * fraction, peakFraction: fraction },
    peers: { other: timing(theirs) },
    ratios: { other: theirs / ours },
  };
}

function file(date: string, ...results: Result[]): Results {
  const environment = {
    date: `2030-01-${date}T00:00:00.000Z`,
    driver: "d",
    copyGBs: 5,
    cpu: "Processor",
    cores: 2,
    node: "v20.19.0",
    lpNumThreads: "4",
    ours: "1.0.0",
    peers: { other: "3.1.4", absent: "0.0.1" },
  };
  return { adapter: "Adapter", peak: 50, environment, results };
}

const rows = (table: string) => table.split("\n").filter((line) => line.startsWith("|"));

describe("the table", () => {
  test("has a row for each step, the newest result, and a column for each peer that took part", () => {
    const older = file("01", result("step/quick", 10, 20), result("inference/quick", 1, 5));
    const newer = file("02", result("step/quick", 10, 80));
    const table = speedTables([newer, older]);
    expect(table).toContain(
      "**Adapter, Processor, 2 cores**: multiply-add peak 50 GFLOP/s, Node v20.19.0, LP_NUM_THREADS 4, 2030-01-02",
    );
    expect(rows(table)).toEqual([
      "|  | ours | of peak | other 3.1.4 |",
      "| --- | --: | --: | --: |",
      "| step/quick, batch 2 | 10.0 ms | 50 % | 8.00 |",
      "| inference/quick, batch 2 | 1.00 ms | 50 % | 5.00 |",
    ]);
  });

  test("counts kernels of a kind together", () => {
    const table = speedTables([
      file(
        "01",
        result("kernel/conv2d/8x8x4-4-3x3s1/forward", 1, 2, 0.2),
        result("kernel/conv2d/8x8x4-8-3x3s2/forward", 1, 8, 0.8),
        result("kernel/conv2d/8x8x4-4-3x3s1/inputGrad", 1, 3),
        result("kernel/batchNorm/8x8x4", 1, 4, 0),
      ),
    ]);
    expect(rows(table).slice(2)).toEqual([
      "| conv2d 3x3 forward (2) |  | 40 % | 4.00 (2.00–8.00) |",
      "| conv2d 3x3 inputGrad (1) |  | 50 % | 3.00 |",
      "| batchNorm (1) |  |  | 4.00 |",
    ]);
  });

  test("has models and single kernels apart", () => {
    const model = { ...result("model/vgg16", 2000, 1, 0.5), peers: {}, ratios: {}, compileMs: 12_345 };
    const memory = { activations: 2 ** 30, variables: 3 * 2 ** 29, process: 5 * 2 ** 30 };
    const op = (name: string, ms: number, gbs?: number, fraction = 0) => {
      const { ours, ...rest } = result(name, ms, 1, fraction);
      const copied = gbs === undefined ? {} : { gbs, copyFraction: gbs / 5 };
      return { ...rest, group: "kernel" as const, peers: {}, ratios: {}, ours: { ...ours, ...copied } };
    };
    const files = [
      file("01", result("step/quick", 10, 20), { ...model, memory }),
      file(
        "02",
        op("op/gelu/8x2x2-8x2x2", 1, 4),
        op("op/gelu/8x4x4,8x4-8x4x4", 2, 3),
        op("op/conv2d/8x9x9x1,1x1x1x1-8x9x9x1", 1, undefined, 0.7),
      ),
    ];
    expect(speedTables(files)).toContain("2030-01-01");
    expect(rows(speedTables(files)).length).toBe(3);
    expect(rows(modelTables(files))).toEqual([
      "|  | GFLOP | ours | of peak | compiled in | activations | parameters and Adam | process |",
      "| --- | --: | --: | --: | --: | --: | --: | --: |",
      "| vgg16, batch 2 | 50.0 | 2.00 s | 50 % | 12.3 s | 1.0 GiB | 1.5 GiB | 5.0 GiB |",
    ]);
    expect(opTables(files)).toContain("2030-01-02");
    expect(rows(opTables(files))).toEqual([
      "|  | largest | ours | of peak | of copy |",
      "| --- | --- | --: | --: | --: |",
      "| conv2d (1) | 8×9×9×1 | 1.00 ms | 70 % |  |",
      "| gelu (2) | 8×4×4 | 2.00 ms |  | 60 % |",
    ]);
    expect(modelTables([file("01", op("op/gelu/8-8", 1, 4))])).toBe("No results are recorded yet.");
    expect(resultsSchema.safeParse(files[0]).success).toBe(true);
    expect(headlines(files)).toContain("a training step takes 2.00 to 2.00 times with other.");
  });

  test("and every share is of the peak that was measured last", () => {
    const { peak, results } = byPeak(file("01", result("step/quick", 10, 20, 0.5)), 100, 5);
    expect(peak).toBe(100);
    expect(results[0]!.ours).toEqual({ medianMs: 10, spreadMs: 0.1, gflops: 25, peakFraction: 0.25 });
  });

  test("as is every share of the copy bandwidth", () => {
    const norm = result("kernel/batchNorm/8x8x4", 1, 4, 0);
    const { environment, results } = byPeak(
      file("01", { ...norm, ours: { ...norm.ours, gbs: 4, copyFraction: 1 } }),
      50,
      8,
    );
    expect(environment.copyGBs).toBe(8);
    expect(results[0]!.ours).toMatchObject({ gbs: 4, copyFraction: 0.5 });
  });

  test("has a sentence of whole steps and inferences, with the range of each peer", () => {
    const older = file("01", result("step/quick", 10, 20), result("inference/quick", 1, 5));
    const newer = file("02", result("step/quick", 10, 80), result("step/large", 10, 40), result("kernel/mga/a", 1, 2));
    expect(headlines([newer, older])).toBe(
      "Time relative to ours on Adapter, Processor, 2 cores: a training step takes 4.00 to 8.00 times with other; inference 5.00 to 5.00 times with other.",
    );
    expect(headlines([file("01", result("kernel/mga/a", 1, 2))])).toBe("No results are recorded yet.");
  });

  test("and another of other networks, whose figures are no part of the first", () => {
    const of = (network: string, name: string, theirs: number) => ({ ...result(name, 10, theirs), network });
    const vgg = of("vgg16_bn", "step/quick-vgg16_bn", 30);
    const own = file("01", result("step/quick", 10, 80), vgg, of("vit_b_16", "inference/quick-vit_b_16", 90));
    const others = "step takes 3.00 to 3.00 times with other; inference 9.00 to 9.00 times with other.";
    expect(headlines([own])).toBe(
      "Time relative to ours on Adapter, Processor, 2 cores: a training step takes 8.00 to 8.00 times with other.\n\n" +
        `Of other networks (vgg16_bn, vit_b_16) there: a training ${others}`,
    );
    expect(headlines([file("01", vgg)])).toMatch(/^Of other networks \(vgg16_bn\) on Adapter, Processor, 2 cores: a /);
    expect(resultsSchema.parse(own)).toEqual(own);
  });

  test("replaces what is between the marks, and only that", () => {
    const text = "before\n<!-- bench:table -->\nold\n<!-- /bench:table -->\nafter";
    const expected = "before\n<!-- bench:table -->\n\nnew\n\n<!-- /bench:table -->\nafter";
    expect(insertBetween(text, "table", "new")).toBe(expected);
    expect(() => insertBetween("no marks", "table", "new")).toThrow("lacks");
  });

  test("of the documents is the one that the recorded results make", async () => {
    const documents = await upToDate();
    expect([...documents.keys()]).toEqual(["README.md", "docs/benchmark.md"]);
    for (const [name, text] of documents) {
      expect(await readFile(new URL(`../../${name}`, import.meta.url), "utf8"), name).toBe(text);
    }
  });
});

describe("recorded results", async () => {
  const folder = await mkdtemp(path.join(tmpdir(), "mganet-bench-"));
  afterAll(() => rm(folder, { recursive: true }));
  const reading = async (content: string) => {
    await writeFile(path.join(folder, "a.json"), content);
    return readResults(folder);
  };

  test("are read back as they were written", async () => {
    const written = file("01", result("step/quick", 10, 20));
    expect(await reading(JSON.stringify(written))).toEqual([written]);
  });

  test("are gone on with, unless they are of something else", async () => {
    const written = file("01", result("step/quick", 10, 20));
    await reading(JSON.stringify(written));
    const at = path.join(folder, "a.json");
    expect(await begun(at, file("02"))).toEqual(written);
    expect(await begun(path.join(folder, "absent.json"), file("02"))).toEqual(file("02"));
    await expect(begun(at, { ...file("02"), adapter: "Another" })).rejects.toThrow(
      /a\.json: adapter is "Adapter", here it is "Another"; write another file$/,
    );
  });

  test("that are none are refused by name and reason", async () => {
    await expect(reading("{")).rejects.toThrow(/a\.json: is not JSON$/);
    const broken = file("01", { ...result("step/quick", 10, 20), group: "steps" as never });
    await expect(reading(JSON.stringify(broken))).rejects.toThrow(/a\.json: results\.0\.group: /);
    const negative = file("01", result("step/quick", -1, 20));
    expect(resultsSchema.safeParse(negative).success).toBe(false);
  });
});
