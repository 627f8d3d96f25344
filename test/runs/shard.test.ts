import { describe, expect, test } from "vitest";
import { type ArrayVariables, parseShard, placeOf, sizeOfShard, slurmShard } from "../../src/runs/shard.ts";

describe("a shard", () => {
  test.each([
    ["1/1", { index: 1, of: 1 }],
    ["64/64", { index: 64, of: 64 }],
  ])("%s", (text, shard) => expect(parseShard(text)).toEqual(shard));

  test.each(["", "1", "/", "0/4", "5/4", "1/0", "-1/4", "1.5/4", "1/4/2", "a/b", "1/1000000", " 1/4"])(
    "%s is none",
    (text) => expect(() => parseShard(text)).toThrow(RangeError),
  );

  test.each([0, 1, 5, 6, 7, 100])("shares %s images out without a gap or a double, to one image evenly", (images) => {
    for (const of of [1, 2, 3, 6, 7]) {
      const sizes = Array.from({ length: of }, (_, i) => sizeOfShard({ index: i + 1, of }, images));
      const places = sizes.flatMap((size, i) =>
        Array.from({ length: size }, (_, k) => placeOf({ index: i + 1, of }, k)),
      );
      expect(places.sort((a, b) => a - b)).toEqual(Array.from({ length: images }, (_, i) => i));
      expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
    }
  });
});

describe("a task of a Slurm array", () => {
  const task = (ID: string, MIN?: string, MAX?: string, COUNT?: string, STEP?: string): ArrayVariables =>
    Object.fromEntries(
      Object.entries({ ID, MIN, MAX, COUNT, STEP }).flatMap(([name, value]) =>
        value === undefined ? [] : [[`SLURM_ARRAY_TASK_${name}`, value]],
      ),
    );

  test("1 to N has the shard of its number", () => {
    expect(slurmShard(task("3", "1", "8", "8", "1"))).toEqual({ index: 3, of: 8 });
    expect(slurmShard(task("8", "1", "8", "8"))).toEqual({ index: 8, of: 8 });
  });

  test("of some of the numbers, once more, says of how many", () => {
    expect(slurmShard(task("7", "7", "7", "1"), 64)).toEqual({ index: 7, of: 64 });
    // 1 of 2 would be another half of the images.
    expect(() => slurmShard(task("7", "7", "7", "1"))).toThrow(/not 1 to 1: number them so/);
    expect(() => slurmShard(task("1", "1", "9", "2", "8"))).toThrow(/not 1 to 2/);
    expect(() => slurmShard(task("1", "1", "3", "2", "2"))).toThrow(/not 1 to 2/);
  });

  test("from 0, or none at all, is refused", () => {
    expect(() => slurmShard(task("0", "0", "7", "8", "1"))).toThrow(
      /not 1 to 8: number them so, as in sbatch --array=1-8/,
    );
    expect(() => slurmShard(task("0"), 8)).toThrow(RangeError);
    expect(() => slurmShard(task("9"), 8)).toThrow(RangeError);
    expect(() => slurmShard({})).toThrow(/SLURM_ARRAY_TASK_ID is not set/);
    expect(() => slurmShard({ SLURM_ARRAY_TASK_ID: "x" })).toThrow(/SLURM_ARRAY_TASK_ID is not set/);
  });
});
