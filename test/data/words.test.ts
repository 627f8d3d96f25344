import { expect, test } from "vitest";
import { classInWords, noduleOf } from "../../src/data/readers/words.ts";
import { rootOf, xmlParser } from "../../src/data/readers/xml.ts";
import { topKeys } from "../../src/data/readers/json.ts";
import { boxesOfOutlines, classOfObjects, turnedBox } from "../../src/data/readers/marked.ts";
import { parseClassTable } from "../../src/data/readers/class-table.ts";

test.each([
  ["benign (12)", 0],
  ["case_7_Malignant", 1],
  ["MALIGNANT-3", 1],
  ["benign2", 0],
  ["benign_malignant_1", undefined],
  ["non-malignant_3", undefined],
  ["not benign", undefined],
  ["premalignant", undefined],
  ["malignantes", undefined],
  ["17", undefined],
] as const)("the class in %s", (name, label) => expect(classInWords(name)).toBe(label));

test.each([
  ["benign", { label: 0 }],
  ["Malignant nodule", { label: 1 }],
  ["nodule", { label: undefined }],
  ["Thyroid_Nodule", { label: undefined }],
  ["TR4", { label: undefined }],
  ["tirads_4a", { label: undefined }],
  ["non-malignant", { label: undefined }],
  ["no nodule", undefined],
  ["trachea", undefined],
  ["normal", undefined],
  ["thyroid", undefined],
] as const)("an object called %s", (name, kind) => {
  for (const numbers of [true, false]) expect(noduleOf(name, { numbers })).toEqual(kind);
});

test("numbers are classes where a user wrote them, not where they are places in a list", () => {
  expect(["0", "1", "2"].map((name) => noduleOf(name, { numbers: true }))).toEqual([
    { label: 0 },
    { label: 1 },
    undefined,
  ]);
  expect(["0", "1", "2"].map((name) => noduleOf(name, { numbers: false })?.label)).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
});

test("an image has the class of all its objects, or none", () => {
  const box = { x0: 0, y0: 0, x1: 1, y1: 1 };
  const of = (names: (string | undefined)[], tags: string[] = []) => {
    const notes: string[] = [];
    const objects = names.map((name) => ({ name, box }));
    return [classOfObjects({ objects, tags }, { numbers: true, note: (t) => notes.push(t) }), notes.length];
  };
  expect(of(["benign", "benign"])).toEqual([0, 0]);
  expect(of(["benign", "malignant"])).toEqual([undefined, 1]);
  expect(of(["nodule", "malignant"])).toEqual([undefined, 1]);
  expect(of(["nodule", undefined])).toEqual([undefined, 0]);
  expect(of(["nodule"], ["malignant"])).toEqual([1, 0]);
  expect(of(["nodule"], ["malignant", "benign"])).toEqual([undefined, 1]);
  expect(() => of(["benign", "lymph node"])).toThrow(/marks "lymph node", which is neither a class nor a known/);
});

test("parts of an outline: apart, overlapping, specks", () => {
  const square = (x: number, y: number, side: number) => [
    { x, y },
    { x: x + side, y },
    { x: x + side, y: y + side },
    { x, y: y + side },
  ];
  expect(boxesOfOutlines([square(0, 0, 10), square(50, 50, 20), square(30, 0, 1)])).toEqual({
    boxes: [
      { x0: 0, y0: 0, x1: 10, y1: 10 },
      { x0: 50, y0: 50, x1: 70, y1: 70 },
    ],
    shape: [{ polygon: square(0, 0, 10) }, { polygon: square(50, 50, 20) }],
    specks: 1,
  });
  // The third joins the first two.
  expect(boxesOfOutlines([square(0, 0, 10), square(15, 0, 10), square(8, 2, 9)]).boxes).toEqual([
    { x0: 0, y0: 0, x1: 25, y1: 11 },
  ]);
  expect(() => boxesOfOutlines([square(0, 0, 9).slice(0, 2)])).toThrow(/fewer than 3 points/);
  const far = square(0, 0, 9).map(({ x, y }, i) => ({ x, y: i === 0 ? 1e308 * 1.5 : y * 1e300 }));
  expect(() => boxesOfOutlines([far.map(({ x, y }) => ({ x: x * 1e300, y }))])).toThrow(/area is not finite/);
  const turned = turnedBox({ x0: 0, y0: 0, x1: 20, y1: 10 }, 90);
  for (const [edge, value] of Object.entries({ x0: 5, y0: -5, x1: 15, y1: 15 })) {
    expect(turned[edge as "x0"]).toBeCloseTo(value, 9);
  }
});

test("root elements and keys are seen in the beginning of a file", () => {
  expect(rootOf('\ufeff<?xml version="1.0"?>\n<!-- a <b> -->\n<annotations x="1">')).toBe("annotations");
  expect(rootOf("text")).toBeUndefined();
  expect(topKeys('{"info": {"images": 1}, "images": [{"id": ": {"}], "cate')).toEqual(["info", "images"]);
  expect(topKeys('{"a\\"b": "x", "c" : [')).toEqual(['a\\"b', "c"]);
  expect(topKeys("[1]")).toBeUndefined();
});

test("a document type is refused before anything is expanded", () => {
  const bomb = `<!DOCTYPE a [<!ENTITY b "${"x".repeat(100)}"><!ENTITY c "&b;&b;">]><a>&c;</a>`;
  expect(() => xmlParser({})(bomb)).toThrow("has a document type");
  expect(xmlParser({})("<a>&lt;b&gt;</a>")).toEqual({ a: "<b>" });
});

test("tables of classes: whatever their columns, or a reason", () => {
  const read = (text: string) => {
    const bad: string[] = [];
    const { rows, notes } = parseClassTable(text, (line, reason) => bad.push(`${line} ${reason}`));
    return { rows: rows.map(({ image, label, patient }) => [image, label, patient]), notes, bad };
  };
  expect(read("ID,CATE\n1.PNG,0\n2.PNG,1\n").rows).toEqual([
    ["1.PNG", 0, undefined],
    ["2.PNG", 1, undefined],
  ]);
  expect(read("image_name;Pathology;Patient ID;Age\na;Benign;p1;30\nb;MALIGNANT;p2;40\nc;;p3;\n")).toEqual({
    rows: [
      ["a", 0, "p1"],
      ["b", 1, "p2"],
      ["c", undefined, "p3"],
    ],
    notes: ['the class is the column "Pathology"', 'the patient is the column "Patient ID"', 'ignored columns: "Age"'],
    bad: [],
  });
  expect(read("0000.jpg,1\n0001.jpg,0\n").rows).toEqual([
    ["0000.jpg", 1, undefined],
    ["0001.jpg", 0, undefined],
  ]);
  expect(read("id,label\na,2\nb,1\nc\n,1\n").bad).toEqual([
    '2 has the class "2", which is neither 0 nor 1',
    "4 has 1 cells, but there are 2 columns",
    "5 names no image",
  ]);
  // TI-RADS in one column, the class in another; or both the class.
  expect(read("id,category,label\na,4,1\nb,3,0\n").rows.map(([, label]) => label)).toEqual([1, 0]);
  expect(read("id,class,label\na,malignant,1\nb,benign,0\n").rows.map(([, label]) => label)).toEqual([1, 0]);
  for (const [text, reason] of [
    ["id,class,label\na,malignant,1\nb,benign,1\n", /several class columns that differ in line 3: "class", "label"/],
    ["id,class,label\na,x,1\nb,benign,y\n", /several columns that may be the class, each with cells that are none/],
    ["id,file,label\na,b,1\n", /several columns that may name the image: "id", "file"/],
    ["id,age\na,1\n", /no column for the class, such as "label" or "pathology", among "id", "age"/],
    ["age,label\na,1\n", /no column that names images/],
    ["", /is empty/],
    ['id,label\n"a,1\n', /is not a table/],
  ] as const) {
    expect(() => read(text), text).toThrow(reason);
  }
});
