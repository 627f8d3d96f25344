import { uniformInt } from "pure-rand/distribution/uniformInt";
import { describe, expect, test } from "vitest";
import { outlinesInImage, labelOfGrade, parseDdtiCase } from "../../src/data/readers/ddti.ts";
import { stream } from "../../src/data/random.ts";
import { BinaryWords } from "../../src/data/readers/class-words.ts";
import { TiradsWords } from "../../src/data/readers/tirads-words.ts";
import { DataError } from "../../src/data/sample.ts";
import { decodeText } from "../../src/data/text.ts";
import { caseXml, outline, svg } from "./ddti-case.ts";

const ring = outline(10, 20, 110, 80);
const oneMark = (text: string) => parseDdtiCase(caseXml(7, "4a", [{ image: 1, svg: text }])).marks[0]!;

describe("a case file", () => {
  test.each(["", "\n    "])("is read on one line and pretty-printed (%j)", (between) => {
    const marks = [
      { image: 1, svg: svg(ring) },
      { image: 3, svg: between + svg(ring, outline(200, 20, 260, 60)).replaceAll(",", `,${between}`) + between },
    ];
    const parsed = parseDdtiCase(caseXml(7, "4a", marks, between));
    expect(parsed).toEqual({
      number: "7",
      grade: "4a",
      marks: [
        { image: 1, rings: [ring], notes: [] },
        { image: 3, rings: [ring, outline(200, 20, 260, 60)], notes: [] },
      ],
    });
  });

  test.each([
    ["2", 0],
    ["3", 0],
    ["4a", 1],
    ["4B", 1],
    ["4c", 1],
    ["5", 1],
    ["", undefined],
  ])("of TI-RADS %j has the label %s", (score, label) => {
    const { grade } = parseDdtiCase(caseXml(7, score, []));
    expect(labelOfGrade(grade, new BinaryWords())).toBe(label);
    const words = new TiradsWords([]);
    expect(labelOfGrade(grade, words)).toBe(score === "" ? undefined : 0);
    expect(words.names).toEqual(score === "" ? [] : [score.toLowerCase()]);
  });

  test.each([
    ["a score that is not known", caseXml(7, "4d", []), /TI-RADS score "4d"/],
    ["a score that is a number beyond all", caseXml(7, "9".repeat(400), []), /TI-RADS score "9{20}"/],
    ["no score at all", "<case><number>7</number></case>", /tirads/],
    ["two scores", "<case><number>7</number><tirads>2</tirads><tirads>5</tirads></case>", /tirads/],
    ["a number that is none", caseXml("seven", "2", []), /number/],
    ["an image number that is none", caseXml(7, "2", [{ image: "1e9", svg: svg(ring) }]), /mark 1: image/],
    ["one image marked twice", caseXml(7, "2", Array(2).fill({ image: 1, svg: svg(ring) })), /image 1 more than once/],
    ["a tag that is not closed", caseXml(7, "2", []).replace("</number>", ""), /well-formed/],
    ["an end that is missing", caseXml(7, "2", [{ image: 1, svg: svg(ring) }]).slice(0, -30), /well-formed/],
    ["another root", "<annotation></annotation>", /not a DDTI case/],
    ["nothing in it", "", /well-formed|not a DDTI case/],
  ])("with %s is refused on one line", (_, xml, reason) => {
    expect(() => parseDdtiCase(xml)).toThrow(DataError);
    expect(() => parseDdtiCase(xml)).toThrow(reason);
    expect(() => parseDdtiCase(xml)).toThrow(/^[^\n]{1,250}$/);
  });
});

describe("the outlines of a mark", () => {
  test("that are empty are said to be", () => {
    expect(oneMark("")).toEqual({ image: 1, rings: [], notes: [], incomplete: "its outlines are empty" });
  });

  test("that are cut off keep the complete ones, wherever the cut is", () => {
    const whole = svg(ring, outline(200, 20, 260, 60));
    const firstEnd = svg(ring).length - 1;
    for (let length = 1; length < whole.length; length++) {
      const mark = oneMark(whole.slice(0, length));
      expect(mark.rings.length).toBe(length < firstEnd ? 0 : length < whole.length - 1 ? 1 : 2);
      expect(mark.incomplete).toMatch(/cut off or damaged, with \d complete outlines? left/);
    }
  });

  test("leave out arrows and those of fewer than 3 points", () => {
    const arrow = { points: ring.slice(0, 2), regionType: "arrow" };
    const mark = oneMark(svg(arrow, ring.slice(0, 2), ring));
    expect(mark).toMatchObject({
      rings: [ring],
      notes: [/arrow/, /fewer than 3/].map((m) => expect.stringMatching(m) as string),
    });
    expect(mark.incomplete).toBeUndefined();
    expect(oneMark(svg(arrow)).incomplete).toBe("it has no outline of a nodule");
  });

  test.each([
    ["an endless number", svg(ring).replace('"x":10', '"x":1e999')],
    ["no number", svg(ring).replace('"x":10', '"x":NaN')],
    ["null", svg(ring).replace('"x":10', '"x":null')],
    ["text", svg(ring).replace('"x":10', '"x":"10"')],
    ["a missing coordinate", svg(ring).replace('"x":10,', "")],
    ["another shape", '{"points": 5}'],
    ["no JSON", "M10 20 L110 80"],
  ])("with %s make the mark incomplete", (_, text) => {
    const mark = oneMark(text);
    expect(mark.rings).toEqual([]);
    expect(mark.incomplete).toMatch(/cut off or damaged/);
  });
});

describe("boxes in the image", () => {
  test("reach from the least to the greatest coordinate and are clipped to the image", () => {
    expect(outlinesInImage([ring, outline(500, 300, 568, 364)], 560, 360)).toEqual({
      boxes: [
        { x0: 10, y0: 20, x1: 110, y1: 80 },
        { x0: 500, y0: 300, x1: 560, y1: 360 },
      ],
      shape: [{ polygon: ring }, { polygon: outline(500, 300, 568, 364) }],
      notes: [],
    });
  });

  test.each([
    ["mostly below the image, as in 338_2", outline(104, 323, 213, 394), /52 % of its box inside/],
    ["of huge numbers", outline(10, 20, 1e300, 1e300), /of its box inside|encloses no pixel/],
    ["wholly outside", outline(-90, -90, -10, -10), /0 % of its box/],
    ["without area", outline(10, 20, 10, 80), /encloses no pixel/],
  ])("drop an outline %s, with a note", (_, points, note) => {
    const { boxes, shape, notes } = outlinesInImage([points, ring], 560, 360);
    expect(boxes).toEqual([{ x0: 10, y0: 20, x1: 110, y1: 80 }]);
    expect(shape).toEqual([{ polygon: ring }]);
    expect(notes).toEqual([expect.stringMatching(note)]);
  });
});

describe("text", () => {
  const text = caseXml(7, "2", []);
  test("in UTF-8 and UTF-16 with a byte order mark is read", () => {
    const utf16 = new Uint8Array([
      0xff,
      0xfe,
      ...new Uint8Array(Uint16Array.from(text, (c) => c.charCodeAt(0)).buffer),
    ]);
    const utf8 = new TextEncoder().encode(`\ufeff${text}`);
    expect([utf16, utf8].map(decodeText)).toEqual([text, text]);
  });
  test("in another encoding is refused", () => {
    expect(() => decodeText(Uint8Array.of(0x3c, 0xe9, 0x3e))).toThrow(
      new DataError("is not UTF-8 text and names no other encoding: save it as UTF-8"),
    );
  });
});

test("200 mutated files end in a reason or in a case whose values are sound, never in a crash", () => {
  const marks = [1, 2, 3].map((image) => ({ image, svg: svg(ring, outline(200, 20, 260, 60)) }));
  const original = new TextEncoder().encode(caseXml(7, "4a", marks));
  const random = stream(2024);
  let refused = 0;
  for (let round = 0; round < 200; round++) {
    const bytes = mutate(original, round, (low, high) => uniformInt(random, low, high));
    try {
      const parsed = parseDdtiCase(decodeText(bytes));
      expect([0, 1, undefined]).toContain(labelOfGrade(parsed.grade, new BinaryWords()));
      for (const mark of parsed.marks) {
        for (const box of outlinesInImage(mark.rings, 560, 360).boxes) {
          expect(box.x0).toBeGreaterThanOrEqual(0);
          expect(box.y0).toBeGreaterThanOrEqual(0);
          expect(box.x1).toBeGreaterThan(box.x0);
          expect(box.y1).toBeGreaterThan(box.y0);
          expect(box.x1).toBeLessThanOrEqual(560);
          expect(box.y1).toBeLessThanOrEqual(360);
        }
      }
    } catch (error) {
      expect(error).toBeInstanceOf(DataError);
      expect((error as Error).message).toMatch(/^[^\n]{1,300}$/);
      refused++;
    }
  }
  expect(refused).toBeGreaterThan(80);
});

function mutate(original: Uint8Array, round: number, integer: (low: number, high: number) => number): Uint8Array {
  const at = integer(0, original.length - 1);
  switch (round % 5) {
    case 0: // cut off
      return original.slice(0, at);
    case 1: // bits flipped
      return original.map((byte, i) => (i % 97 === at % 97 ? byte ^ (1 << integer(0, 7)) : byte));
    case 2: // another encoding: every other byte zero, without a byte order mark, or Latin-1 letters
      return round % 2 === 0
        ? new Uint8Array(Uint16Array.from(original).buffer)
        : original.map((byte, i) => (i === at ? 0xe9 : byte));
    case 3: {
      // the numbers from somewhere on are huge
      const text = new TextDecoder().decode(original);
      const huge = ["1e308", "-1e400", "9".repeat(400), "0x7f", "NaN", "-5"][integer(0, 5)]!;
      return new TextEncoder().encode(text.slice(0, at) + text.slice(at).replace(/\d+/g, huge));
    }
    default: {
      // a piece of it moved elsewhere
      const piece = original.slice(at, at + integer(1, 200));
      const to = integer(0, original.length - 1);
      return Uint8Array.of(...original.slice(0, to), ...piece, ...original.slice(to));
    }
  }
}
