import { expect, test } from "vitest";
import { parseJson } from "../../src/data/json.ts";

test.each([
  '{"a": 1, "b": {"a": 2}, "c": [{"a": 3}, {"a": 4}]}',
  '["a", "a"]',
  '{"a": "b", "b": "a: \\"a\\": {"}',
  '{"a": {"b": 1}, "b": {"a": 1}}',
  "3",
  '"a"',
])("reads %s", (text) => expect(parseJson(text)).toEqual(JSON.parse(text)));

test.each([
  ['{"a": 1, "a": 1}', '"a"'],
  ['[0, {"x": {"b" : 1, "c": "}", "b"\n: 2}}]', '"b"'],
  ['{"a\\"": 1, "a\\"": 2}', '"a\\""'],
  ['{"\\u0061": 1, "a": 2}', '"a"'],
  ['{"__proto__": 1, "__proto__": 2}', '"__proto__"'],
])("refuses %s", (text, key) => expect(() => parseJson(text)).toThrow(`the key ${key} appears twice in one object`));

test.each(['{"a": 1', "{a: 1}", ""])("refuses %j as JSON.parse does", (text) =>
  expect(() => parseJson(text)).toThrow(SyntaxError),
);

test("is quick where there are many keys", () => {
  const many = JSON.stringify(Object.fromEntries(Array.from({ length: 300_000 }, (_, i) => [`key ${i}`, [i]])));
  expect(Object.keys(parseJson(many) as object).length).toBe(300_000);
});

test("takes pictures that are written into a string", () => {
  const image = "A".repeat(20_000_000) + "\\n".repeat(100_000);
  expect(Object.keys(parseJson(`{"imageData": "${image}", "shapes": []}`) as object)).toEqual(["imageData", "shapes"]);
});
