/** Tuning, and runs that use its results. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { encode, ultrasound } from "../node/data/images.ts";
import { slow } from "../support/selection.ts";
import { expectRefused, mganet, temporaryFolder, tiny, write } from "./support.ts";

const dir = temporaryFolder();
const at = (...names: string[]) => path.join(dir, ...names);
const shapes = ["--width", "0.0625", "--size", "32", "--batch", "4"];
const enough = ["--kernels", "4", "--seconds", "3600"];
const before = process.env["MGANET_CACHE"];
beforeAll(() => {
  process.env["MGANET_CACHE"] = at("cache");
});
afterAll(() => {
  if (before === undefined) delete process.env["MGANET_CACHE"];
  else process.env["MGANET_CACHE"] = before;
});

interface Report {
  results: {
    kernel: string;
    images: number;
    winner: string;
    fixed: string;
    variants: { error: number | null; out: unknown }[];
  }[];
  left: unknown[];
}
const json = <T>(file: string) => JSON.parse(readFileSync(file, "utf8")) as T;
const file = () => at("cache/tuning", readdirSync(at("cache/tuning"))[0]!);
const tuned = "Kernels as tuned for this adapter (--no-tuned for the fixed choice)";
const otherBits = / was started with other kernel variants .*, but not bit for bit$/;

describe("tune", () => {
  test.each([
    [["--seconds", "0"], "--seconds"],
    [["--seconds", "-1"], "--seconds"],
    [["--seconds", "soon"], "--seconds"],
    [["--kernels", "0"], "--kernels"],
    [["--kernels", "1.5"], "--kernels"],
    [["--width", "9"], "--width"],
    [["--size", "33"], "--size"],
    [["--batch", "1"], "--batch"],
    [["--preset", "huge"], "--preset"],
    [["--json", "."], "is a folder"],
    [["--adapter", "no such adapter"], 'No adapter is called "no such adapter"'],
    [["--lr", "1"], "unknown option '--lr'"],
    [["extra"], "too many arguments"],
  ])("refuses %j", async (args, reason) => {
    await expectRefused(["tune", ...args], reason);
    expect(existsSync(at("cache"))).toBe(false);
  });

  test("refuses a cache folder that cannot be written, before any work", async () => {
    writeFileSync(at("a file"), "");
    process.env["MGANET_CACHE"] = at("a file");
    await expectRefused(["tune", ...shapes], /a file\S* is not a folder/);
    process.env["MGANET_CACHE"] = at("cache");
  });

  test("leaves everything as it is when time is up at once", async () => {
    const { code, out, err } = await mganet("tune", ...shapes, "--seconds", "0.000001");
    expect([code, err]).toEqual([0, []]);
    expect(out.at(-1)).toMatch(/^\d+ kernels, those with the least work, were not tuned, since 0\.000001 s were over/);
    expect(existsSync(at("cache"))).toBe(false);
  });

  // By number, not by time: what a machine compiles and measures within some seconds depends on its caches and its load.
  test("measures kernels that have a choice, and remembers the winners", async () => {
    const { code, out, err } = await mganet("tune", ...shapes, ...enough, "--json", at("tuned.json"));
    expect([code, err]).toEqual([0, []]);
    expect(out[0]).toMatch(
      /^Tuning 4 of \d+ kernels of MGA-Net, parallel fusion, width 0\.0625, 32×32, batch 4, on .*; none is begun after 3600 s$/,
    );
    expect(out).toContain(`Written to ${file()}`);
    expect(out.find((line) => line.includes("wrong"))).toBeUndefined();
    const table = out.slice(1, out.indexOf(`Written to ${file()}`));
    for (const line of table) expect(line.length, line).toBeLessThanOrEqual(100);
    const { results, left } = json<Report>(at("tuned.json"));
    expect([results.length, left.length]).toEqual([4, 0]);
    for (const { variants, winner } of results) {
      expect(variants.length).toBeGreaterThan(1);
      for (const { error, out: why } of variants) {
        if (error === null)
          expect(why).toMatchObject({ why: "slow", reason: expect.stringMatching(/^estimated/) as string });
        else expect(error).toBeLessThan(1e-4);
      }
      expect(variants).toContainEqual(expect.objectContaining({ variant: winner, out: null }));
    }
    expect(json<{ entries: unknown[] }>(file()).entries.length).toBe(results.length);
    expect(readdirSync(at("cache/tuning")).length).toBe(1);
  });
});

describe("with a record", () => {
  const train = (...args: string[]) => mganet("train", ...args);
  const variantsOf = (run: string) => json<{ variants: string }>(at(run, "variants.json")).variants;
  let tunedRun: Awaited<ReturnType<typeof mganet>>;
  beforeAll(async () => {
    // What has won is for the adapter to say. The tests want a record that makes a difference.
    writeFileSync(file(), readFileSync(file(), "utf8").replaceAll(/"variant":"[^"]*"/g, '"variant":"plain"'));
    write(dir, { "image.jpg": await encode(ultrasound(1)).jpeg().toBuffer() });
    tunedRun = await train(...tiny, "--out", at("run"));
  });
  const resume = (run: string, ...args: string[]) => {
    rmSync(at(run, "summary.json")); // As if it had been killed right before its end.
    return train("--resume", at(run), ...args);
  };

  test("a training follows it and says so, once, and notes the variants", () => {
    expect(tunedRun.code).toBe(0);
    expect(tunedRun.out.filter((line) => line === tuned).length).toBe(1);
    expect(variantsOf("run")).toMatch(/^[0-9a-f]{16}$/);
    expect(json<{ variants: string }>(at("run", "summary.json")).variants).toBe(variantsOf("run"));
  });

  test("a training that is told to leave it alone does", slow, async () => {
    const fixed = await train(...tiny, "--out", at("fixed"), "--no-tuned");
    expect([fixed.code, fixed.out.includes(tuned), variantsOf("fixed")]).toEqual([0, false, "fixed"]);
  });

  test("a resumed run says when its variants have changed, and only then", slow, async () => {
    const same = await resume("run");
    expect([same.code, same.out.filter((line) => otherBits.test(line))]).toEqual([0, []]);
    const other = await resume("run", "--no-tuned");
    expect([other.code, other.out.filter((line) => otherBits.test(line)).length]).toEqual([0, 1]);
    expect(variantsOf("run")).toBe("fixed");
    const back = await resume("run");
    expect([back.code, back.out.filter((line) => otherBits.test(line)).length]).toEqual([0, 1]);
    rmSync(at("run", "variants.json"));
    const unknown = await resume("run");
    expect([unknown.code, unknown.out.filter((line) => otherBits.test(line)).length]).toEqual([0, 0]);
    writeFileSync(at("run", "variants.json"), "{");
    expect((await resume("run")).code).toBe(0);
    expect(variantsOf("run")).toMatch(/^[0-9a-f]{16}$/);
  });

  test("evaluate and predict follow it too", slow, async () => {
    const predict = (...args: string[]) =>
      mganet("predict", at("image.jpg"), "--run", at("run"), "--out", at("predicted"), ...args);
    for (const command of [predict, (...args: string[]) => mganet("evaluate", at("run"), ...args)]) {
      const { code, out } = await command();
      expect([code, out.filter((line) => line === tuned).length]).toEqual([0, 1]);
      const fixed = await command("--no-tuned");
      expect([fixed.code, fixed.out.includes(tuned)]).toEqual([0, false]);
    }
  });

  test.each([
    ["broken", (text: string) => text.slice(0, 100), "it is not JSON"],
    [
      "another driver's",
      (text: string) => text.replace(/"driver":"/, '"driver":"old '),
      "it belongs to another driver",
    ],
  ])("that is %s, the fixed choice is taken, said in a line; tuning replaces it", slow, async (_, spoil, reason) => {
    const whole = readFileSync(file(), "utf8");
    const spoilt = spoil(whole);
    expect(spoilt).not.toBe(whole);
    writeFileSync(file(), spoilt);
    const { code, out, err } = await mganet("evaluate", at("run"));
    expect([code, out.includes(tuned)]).toEqual([0, false]);
    expect(err).toEqual([expect.stringContaining(`${file()}: this tuning record is ignored: ${reason}`)]);
    const again = await mganet("tune", ...shapes, ...enough);
    expect([again.code, again.err.length]).toEqual([0, 1]);
    expect((await mganet("evaluate", at("run"))).err).toEqual([]);
  });

  test("that is a folder, the same", async () => {
    const name = file();
    rmSync(name);
    mkdirSync(name);
    const { code, err } = await mganet("evaluate", at("run"));
    expect([code, err]).toEqual([0, [expect.stringContaining("this tuning record is ignored: EISDIR")]]);
    const again = await mganet("tune", ...shapes, ...enough);
    expect(again.code).toBe(2);
    expect(again.err[1]).toBe(`Error: ${name}: is a folder, not a file`);
    rmSync(name, { recursive: true });
  });
});
