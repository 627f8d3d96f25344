import { expect, test } from "vitest";
import { nameFor } from "../../app/state/dropped.ts";

const named = (...paths: string[]) => nameFor(paths.map((path) => ({ path, file: new Blob() })));

test("a project is called as the folder or the only file, in characters that a folder may have", () => {
  expect(named("ddti/1_1.jpg", "ddti/1.xml")).toBe("ddti");
  expect(named("loop.dcm")).toBe("loop");
  expect(named("a.png", "b.png")).toBe("images");
  expect(named("../<b>Fälle & more</b>/a.png")).toBe("images");
  expect(named("<b>Fälle & more/a.png")).toBe("b-Fälle - more");
  expect(named(`${"x".repeat(99)}/a.png`)).toHaveLength(40);
});
