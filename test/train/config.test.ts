/** What a configuration may hold, whoever wrote it. */
import { describe, expect, test } from "vitest";
import { checkConfig, PHANTOM, presetFor } from "../../src/train/config.ts";

const quick = presetFor("quick", PHANTOM);

describe("a configuration", () => {
  test("without a model is MGA-Net's, as those of before there were others", () => {
    const { model, ...old } = quick;
    expect(model).toBe("mganet");
    expect(checkConfig(old)).toEqual(quick);
    expect(() => checkConfig({ ...quick, model: 3 })).toThrow("model: must be the name of a model");
    expect(() => checkConfig(null)).toThrow(/configuration/);
    expect(() => checkConfig("quick")).toThrow(/configuration/);
  });

  test.each<[string, object, RegExp]>([
    ["a side that is no multiple of 32", { size: [96, 100] }, /size.*multiple of 32/],
    ["a side beyond the largest", { size: [96, 2080] }, /size/],
    ["one fold", { folds: 1 }, /folds: one fold leaves nothing to train on/],
    ["a fold that is not there", { folds: 3, fold: 3 }, /fold: there is no fold 3 of 3: they count from 0/],
    ["the phantom's own split", { split: "set" }, /split: the phantom has no split of its own/],
    ["no epoch at all", { epochs: { segmentation: 0, joint: 0 } }, /no stage has an epoch/],
    ["a batch of one image", { batch: 1 }, /batch/],
    ["a setting that nobody knows", { depth: 2 }, /depth/],
  ])("with %s is refused", (_, change, reason) => {
    expect(() => checkConfig({ ...quick, ...change })).toThrow(reason);
  });

  test("may name the last of its folds, the smallest side, and a set's own split", () => {
    expect(checkConfig({ ...quick, folds: 3, fold: 2 })).toMatchObject({ folds: 3, fold: 2 });
    expect(checkConfig({ ...quick, size: [32, 2048] })).toMatchObject({ size: [32, 2048] });
    expect(checkConfig({ ...quick, data: "set", split: "set" })).toMatchObject({ split: "set" });
  });
});

test("the quick preset trains longer on a folder's few hundred images, and holds more of them out; paper does not change", () => {
  const folder = presetFor("quick", "set");
  expect(quick).toMatchObject({ val: 0.2, epochs: { segmentation: 3, joint: 5 } });
  expect(folder).toMatchObject({ val: 0.3, epochs: { segmentation: 12, joint: 10 } });
  expect(presetFor("paper", "set")).toEqual(presetFor("paper", PHANTOM));
});
