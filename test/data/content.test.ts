import { expect, test } from "vitest";
import { splitItems } from "../../src/data/content.ts";
import type { Prepared } from "../../src/data/sample.ts";

const image = (id: string, text: string): Prepared => {
  const grey = new TextEncoder().encode(text);
  return { id, group: `patient ${id}`, label: 0, width: grey.length, height: 1, grey, boxes: [] };
};
const contents = (...texts: string[]) =>
  splitItems(texts.map((text, i) => image(String(i), text))).map((i) => i.content!);

test("pictures have equal contents if all their pixels are equal", () => {
  const [a, b, c, again] = contents("abc", "abd", "ab", "abc");
  expect(again).toBe(a);
  expect(new Set([a, b, c]).size).toBe(3);
});

test("pictures with equal hashes and other pixels are told apart", () => {
  // Words with the same 32 bits of FNV-1a.
  const [a, b, c, d, again] = contents("declinate", "macallums", "altarage", "zinke", "macallums");
  expect(new Set([a, b, c, d]).size).toBe(4);
  expect(again).toBe(b);
});
