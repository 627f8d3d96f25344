/** What a study is asked for: its tables follow from the options and from whether there are external images. */
import { describe, expect, test } from "vitest";
import { studyAsked, type StudyFlags } from "../../src/cli/study-request.ts";
import { studyList, tableList } from "../../src/cli/values.ts";
import { publishedOf, paperFigures } from "../../src/report/published.ts";

const asked = (flags: Partial<StudyFlags>) => studyAsked({ preset: "quick", data: "set", ...flags });

describe("the tables of a study", () => {
  test("are those named, each once and in order", () => {
    expect(tableList("4,3,4")).toEqual([3, 4]);
    expect(tableList("all")).toEqual([2, 3, 4, 5, 6]);
    expect(() => tableList("7")).toThrow(/not one of 2, 3, 4, 5, 6/);
    expect(() => tableList("classes")).toThrow(/not one of/);
    expect(studyList("classes")).toEqual(["classes"]);
    expect(() => studyList("3")).toThrow(/not one of .*classes/);
    expect(asked({ study: ["classes"], table: [3] }).tables).toEqual([3, "classes"]);
    expect(() => asked({})).toThrow(/name the tables/);
  });

  test("decide some options themselves", () => {
    expect(() => asked({ study: ["masks"], maskTarget: "box" })).toThrow(
      /maskTarget: has no effect with --study masks, whose rows decide it/,
    );
    expect(asked({ table: [3], maskTarget: "box" }).config).toMatchObject({ maskTarget: "box" });
  });

  test("take in Table 5 where Table 2 is asked for with external images: the runs are the same", () => {
    expect(asked({ table: [2], external: "other" }).tables).toEqual([2, 5]);
    expect(asked({ table: [3], external: "other" }).tables).toEqual([3]);
    expect(asked({ table: [2] }).tables).toEqual([2]);
  });

  test("are refused without the external images that they are about, and left out of all tables, which is said", () => {
    expect(() => asked({ table: [5] })).toThrow(/--table 5 needs external images: --external DIR/);
    expect(asked({ table: tableList("all") })).toMatchObject({
      tables: [2, 3, 4, 6],
      notes: ["Table 5 is left out: it needs external images, --external DIR"],
    });
    expect(asked({ table: tableList("all"), external: "other" })).toMatchObject({
      tables: [2, 3, 4, 5, 6],
      notes: [],
    });
  });
});

describe("a study of the phantom", () => {
  const phantom = (flags: Partial<StudyFlags>) => studyAsked({ preset: "quick", ...flags });

  test("has the other scanner's images for Table 5, which is said", () => {
    const { tables, config, notes } = phantom({ table: [2, 5] });
    expect([tables, config.external]).toEqual([[2, 5], "phantom-b"]);
    expect(notes).toEqual(["Table 5: external images are of phantom-b; --external DIR takes others"]);
    expect(phantom({ table: tableList("all") }).tables).toEqual([2, 3, 4, 5, 6]);
    expect(phantom({ table: [5], data: "phantom-b" }).config.external).toBe("phantom");
    expect(phantom({ table: [5], external: "set" })).toMatchObject({ config: { external: "set" }, notes: [] });
    expect(phantom({ table: [2] }).config.external).toBe("");
  });

  test("has kinds of nodules where more than two classes are asked for, and nothing else", () => {
    const { config, notes } = phantom({ study: ["classes"] });
    expect([config.target, notes]).toEqual([
      "kind",
      ["Classes: benign solid, benign cystic, malignant (--target kind)"],
    ]);
    expect(phantom({ study: ["classes"], target: "tirads" })).toMatchObject({
      config: { target: "tirads" },
      notes: [],
    });
    expect(phantom({ study: ["classes"], table: [3] }).config.target).toBe("class");
    expect(asked({ study: ["classes"] }).config.target).toBe("class");
  });
});

test("the paper's figures stand beside the images that a table is about", () => {
  const paper = paperFigures();
  expect(publishedOf(paper, { table: 3, on: "val" })).toMatchObject({
    columns: ["Accuracy", "AUC", "F1"],
    rows: { Base: ["0.8829 (0.8805–0.8853)", "0.9478 (0.9426–0.9531)", "0.8642 (0.8605–0.8680)"] },
  });
  expect(publishedOf(paper, { table: 3, on: "external" })).toBeUndefined();
  expect(publishedOf(paper, { table: 5, on: "external" })!.rows["Proposed"]![1]).toBe("0.8835 (0.8474–0.9197)");
  expect(publishedOf(paper, { table: 6, on: "val" })).toBeUndefined();
  for (const table of [2, 3, 4, 5] as const) {
    const { rows } = paper.tables[table]!;
    expect(Object.keys(rows).length).toBe({ 2: 6, 3: 5, 4: 8, 5: 6 }[table]);
  }
});
