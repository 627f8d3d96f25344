/** Text of pictures: escaped, and in lines that fit. */
import { describe, expect, test } from "vitest";
import { escapeXml, shortened, svgText, textWidth, wrapped } from "../../src/report/svg-text.ts";

describe("text in SVG", () => {
  test("is escaped, without control characters", () => {
    expect(escapeXml('<a b="c">&\u0000\n')).toBe("&#60;a b=&#34;c&#34;&#62;&#38;  ");
    expect(svgText("<", 1, 2, { size: 3, colour: "red", anchor: "end", bold: true, turned: -90 })).toBe(
      '<text x="1" y="2" font-family="DejaVu Sans, Arial, sans-serif" font-size="3" font-weight="bold" text-anchor="end" fill="red" transform="rotate(-90 1 2)">&#60;</text>',
    );
  });

  test("is cut where it is too wide, and only there", () => {
    expect(shortened("malignant", 200, 12)).toBe("malignant");
    const cut = shortened("a very long name of a class", 80, 12);
    expect(cut).toMatch(/^a very .*…$/);
    expect(textWidth(cut, 12)).toBeLessThanOrEqual(80);
    expect(shortened("甲状腺結節", 30, 12)).toBe("甲…");
  });

  test("is wrapped into lines that are no wider, with all its words", () => {
    const text = "Confusion matrices of Table 2 in percent of the actual class: held-out images.";
    const lines = wrapped(text, 150, 12);
    expect(lines.length).toBeGreaterThan(2);
    expect(lines.join(" ")).toBe(text);
    for (const line of lines) expect(textWidth(line, 12)).toBeLessThanOrEqual(150);
    expect(wrapped(`${"x".repeat(90)} y`, 100, 12)).toEqual([expect.stringMatching(/^x+…$/), "y"]);
  });
});
