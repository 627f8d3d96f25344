/** Every option with every kind of wrong value. */
import { existsSync, readdirSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { expectRefused, mganet, temporaryFolder } from "./support.ts";

const dir = temporaryFolder();
const home = process.cwd();
beforeAll(() => process.chdir(dir));
afterAll(() => process.chdir(home));

const numbers = ["abc", "", " ", "NaN", "Infinity", "1e999", "0x10", "1,5", "--lr"];

describe("train refuses", () => {
  const wrong: Record<string, string[]> = {
    "--preset": ["huge", ""],
    "--data": ["", " ", "--lr"],
    "--phantom-images": [...numbers, "0", "19", "-5", "1.5", "1e9"],
    "--seed": [...numbers, "-1", "0.5", "2147483648"],
    "--width": [...numbers, "0", "-1", "0.01", "5"],
    "--size": [...numbers, "0", "-32", "100", "96x", "x96", "96x100", "96x96x96", "96.5", "2080", "99999999999"],
    "--fusion": ["sum", ""],
    "--at": [...numbers, "7", "-1", "0,", "0,1,9", "1.5", "every"],
    "--batch": [...numbers, "0", "1", "-4", "2.5", "100000"],
    "--seg-epochs": [...numbers, "-1", "0.5", "1e9"],
    "--joint-epochs": [...numbers, "-1", "0.5", "1e9"],
    "--lr": [...numbers, "0", "-1e-3", "2"],
    "--joint-lr": [...numbers, "0", "-1e-3", "2"],
    "--schedule": ["linear", ""],
    "--mask-loss": ["iou", ""],
    "--alpha": [...numbers, "-1", "1000"],
    "--crop": ["tight", ""],
    "--val": [...numbers, "0", "1", "-0.5"],
    "--eval-every": [...numbers, "0", "-1", "1.5"],
    "--out": ["", "--summary"],
    "--resume": ["", "--summary"],
    "--json": ["", "--summary"],
    "--adapter": ["", "--summary"],
  };
  for (const [option, values] of Object.entries(wrong)) {
    test(`${option} ${values.map((v) => JSON.stringify(v)).join(" ")}`, async () => {
      for (const value of values) await expectRefused(["train", option, value], option);
    });
  }

  test("combinations that make no sense", async () => {
    await expectRefused(["train", "--seg-epochs", "0", "--joint-epochs", "0"], "nothing to train");
    await expectRefused(
      ["train", "--data", "x", "--phantom-images", "40"],
      "--phantom-images has no effect with --data",
    );
    await expectRefused(["train", "--fusion", "none", "--at", "1"], "--at has no effect with --fusion none");
    const none = (flags: string, reason: string) => expectRefused(["train", ...flags.split(" ")], reason);
    for (const option of ["--joint-lr 1e-3", "--alpha 1", "--class-weights balanced", "--sampling balanced"]) {
      await none(`--joint-epochs 0 ${option}`, `${option.split(" ")[0]!} has no effect with --joint-epochs 0`);
    }
    await none(
      "--mask-loss bce --seg-epochs 0 --alpha 0",
      "--mask-loss has no effect with --seg-epochs 0 and --alpha 0",
    );
    await none(
      "--lr 1e-3 --seg-epochs 0",
      "--lr has no effect with --seg-epochs 0: the other phases have their own rates",
    );
    await expectRefused(["report", "run", "--base", "b", "--no-pictures"], "--base has no effect with --no-pictures");
    await expectRefused(
      ["prepare", "--data", "x", "--out", "y", "--no-resize", "--size", "64"],
      "--size has no effect with --no-resize",
    );
    await expectRefused(
      ["reproduce", "--table", "3", "--dry-run", "--json", "x.json"],
      "--json has no effect with --dry-run",
    );
  });

  test("values of settings in plain sentences", async () => {
    for (const [option, value, reason] of [
      ["--classes", "a", "--classes: must have at least 2 entries, got 1"],
      ["--classes", "a,", "--classes: an entry must not be empty"],
      ["--batch", "2.5", "--batch: must be a whole number, got 2.5"],
      ["--batch", "1", "--batch: must be at least 2, got 1"],
      ["--lr", "0", "--lr: must be more than 0, got 0"],
      ["--val", "1", "--val: must be less than 1, got 1"],
      ["--size", "100", "--size: must be a multiple of 32"],
      ["--at", "7,8", "--at"],
    ] as const) {
      await expectRefused(["train", option, value], reason);
    }
  });
});

test("unknown commands, options and arguments", async () => {
  await expectRefused(["trian"], /unknown command 'trian' \(Did you mean train\?\)$/);
  await expectRefused(["train", "--lrr", "1"], /unknown option '--lrr' \(Did you mean --lr\?\)$/);
  await expectRefused(["train", "extra"], /too many arguments for 'train'/);
  await expectRefused(["train", "--lr"], /'--lr <rate>' argument missing/);
  await expectRefused(["train", "--summary=3"], /unknown option '--summary=3'/);
  for (const [args, reason] of [
    [["evaluate"], "missing required argument 'run'"],
    [["evaluate", "a", "b"], "too many arguments"],
    [["evaluate", ""], "'run'"],
    [["evaluate", "a", "--checkpoint", "first"], "--checkpoint"],
    [["evaluate", "a", "--data", ""], "--data"],
    [["predict", "--run", "a"], "name images, or a folder or manifest of them with --data"],
    [["predict", "a"], "required option '--run"],
    [["predict", "a", "--run", ""], "--run"],
    [["predict", "", "--run", "a"], "'images'"],
    [["predict", "a", "--run", "a", "--out", ""], "--out"],
    [["verify", "--case", ""], "--case"],
    [["verify", "--out", "a"], "--out needs --case"],
    [["doctor", "--json", ""], "--json"],
    [["doctor", "a"], "too many arguments"],
    [["crop", "a"], "required option '--json"],
    [["crop", "a", "--json", ""], "--json"],
    [["crop", "a", "--json", "b", "--method", "none"], "--method"],
    [["crop"], "required option '--json"],
  ] as [string[], string][]) {
    await expectRefused(args, reason);
  }
});

test("help is no error; no command at all shows it and is one", async () => {
  for (const args of [["--help"], ["help"], ["train", "--help"], ["help", "predict"]]) {
    const { code, out, err } = await mganet(...args);
    expect([code, err], args.join(" ")).toEqual([0, []]);
    expect(out.join("\n")).toMatch(/^Usage: mganet/);
  }
  const { code, out, err } = await mganet();
  expect([code, out]).toEqual([2, []]);
  expect(err.join("\n")).toMatch(/^Usage: mganet/);
});

test("an adapter of that name must exist", async () => {
  for (const command of [["doctor"], ["verify"], ["train", "--out", "run"]]) {
    const ended = await expectRefused(
      [...command, "--adapter", "no such adapter"],
      'No adapter is called "no such adapter"',
    );
    expect(ended.err[0]).toMatch(/; there is "/);
  }
});

test("nothing was written", () => {
  expect(readdirSync(dir)).toEqual([]);
  expect(existsSync(path.join(dir, "runs"))).toBe(false);
});
