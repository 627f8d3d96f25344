import { describe, expect, test } from "vitest";
import { visible, visibleName } from "../../src/cli/terminal.ts";
import { encode, ultrasound } from "../node/data/images.ts";
import { spawned } from "./spawned.ts";
import { temporaryFolder, write } from "./support.ts";

test.each([
  ["plain text, ümlaut, 医, 👩‍⚕️", "plain text, ümlaut, 医, 👩‍⚕️"],
  ["two\nlines\tand a tab", "two\nlines\tand a tab"],
  ["\x1b[2J\x1b]0;title\x07", "\\x1b[2J\\x1b]0;title\\x07"],
  ["over\rwritten\b\0", "over\\x0dwritten\\x08\\x00"],
  ["\x9b31m\x7f", "\\x9b31m\\x7f"],
  ["gpj.\u202eexe", "gpj.\\u202eexe"],
])("%j is shown as %j", (text, shown) => expect(visible(text)).toBe(shown));

test("a name stays on its line", () => expect(visibleName("a\nDone.\tb")).toBe("a\\x0aDone.\\x09b"));

describe("the program", () => {
  const control = /[\p{Cc}\u202e]/u;

  test("shows what is in names of files and in manifests, and obeys none of it", async () => {
    const dir = temporaryFolder();
    const picture = await encode(ultrasound(1)).png().toBuffer();
    const evil = "a\x1b[2J\u202eb";
    const rows = [
      `${evil}.png,benign,50 40 140 100`,
      `"x\x1b]0;t\x07.png",0,1 1 20 20`,
      `a.png,"\x1b[31mmalign",1 1 9 9`,
    ];
    write(dir, {
      "manifest.csv": ["image,label,boxes,\x1b[31mextra", ...rows.map((row) => `${row},`)].join("\n"),
      "a.png": picture,
      [`${evil}.png`]: picture,
      "beside\nDone.png": picture,
    });
    const { code, out, err } = await spawned(["inspect", "--data", dir, "--out", `${dir}/out`]);
    expect(code).toBe(0);
    const text = [...out, ...err];
    expect(text.filter((line) => control.test(line))).toEqual([]);
    expect(text.filter((line) => line.startsWith("Done"))).toEqual([]);
    expect(text.join("\n")).toContain("\\x1b[31m");
  });

  test("refuses options with control characters by showing them", async () => {
    const { code, err } = await spawned(["inspect", "--data", "/no\x1b[2Jwhere", "--out", "/tmp/none"]);
    expect([code, err.length]).toEqual([2, 1]);
    expect(err[0]).toContain("/no\\x1b[2Jwhere");
  });
});
