/** `predict --data`: whole sets, shards and their merging, and going on where a process was killed. */
import { appendFileSync, cpSync, existsSync, readdirSync, readFileSync, rmSync, statSync, truncateSync } from "node:fs";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import sharp from "sharp";
import { beforeAll, describe, expect, test } from "vitest";
import { encode, ultrasound } from "../node/data/images.ts";
import { slow } from "../support/selection.ts";
import { checkpointBytes, expectRefused, mganet, temporaryFolder, tinyConfig, write } from "./support.ts";

const dir = temporaryFolder();
const at = (...names: string[]) => path.join(dir, ...names);
const IMAGES = 26;
const FRAMES = 20;

interface Line {
  index: number;
  image: string;
  malignant?: number;
  box?: object | null;
  leftOut?: string;
}
const text = (...names: string[]) => readFileSync(at(...names), "utf8");
const linesOf = (...names: string[]) =>
  text(...names, "predictions.jsonl")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Line);
const predict = (out: string, ...more: string[]) =>
  mganet("predict", "--run", at("run.safetensors"), "--out", at(out), "--data", at("set"), ...more);
const refused = (out: string, more: string[], reason: RegExp, data = at("set")) =>
  expectRefused(["predict", "--run", at("run.safetensors"), "--out", at(out), "--data", data, ...more], reason);

beforeAll(async () => {
  // The third frame is black.
  const frames = Array.from({ length: FRAMES }, (_, i) => (i === 2 ? new Uint8Array(320 * 240) : ultrasound(i).grey));
  const raw = { width: 320, height: 240 * FRAMES, channels: 1, pageHeight: 240 } as const;
  const loop = await sharp(Buffer.concat(frames), { raw }).webp({ lossless: true }).toBuffer();
  const files: Record<string, string | Uint8Array> = {
    "run.safetensors": await checkpointBytes(),
    "other.safetensors": await checkpointBytes({ ...tinyConfig, seed: 1 }),
    "set/b/loop.webp": loop,
    "set/c/torn.png": "not an image",
    "set/notes.txt": "not read",
    "set/.hidden/x.png": "not listed",
  };
  for (let i = 0; i < IMAGES; i++) {
    // 10 comes before 9 in the order of code points.
    files[`set/${i % 2 ? "a" : "d"}/${i}.png`] = await encode(ultrasound(i)).png().toBuffer();
  }
  write(dir, files);
  expect(await predict("whole")).toMatchObject({ code: 0, err: [] });
});

describe("a whole set", () => {
  test("has one line for each picture in the order of names, with the answers of predict IMAGE...", async () => {
    const lines = linesOf("whole");
    const images = [
      ...Array.from({ length: IMAGES / 2 }, (_, i) => `a/${2 * i + 1}.png`).sort(),
      ...Array.from({ length: FRAMES }, (_, i) => `b/loop.webp#${i + 1}`),
      "c/torn.png",
      ...Array.from({ length: IMAGES / 2 }, (_, i) => `d/${2 * i}.png`).sort(),
    ];
    expect(lines.map(({ image }) => image)).toEqual(images);
    const films = lines.filter(({ image }) => image.startsWith("b/"));
    expect(new Set(films.map(({ index }) => index)).size).toBe(1);
    expect(lines.at(-1)!.index).toBe(IMAGES + 1);

    const files = [...images.filter((name) => !name.includes("#")), "b/loop.webp"].map((name) => at("set", name));
    const { code } = await mganet("predict", ...files, "--run", at("run.safetensors"), "--out", at("single"));
    expect(code).toBe(0);
    const report = JSON.parse(text("single", "predictions.json")) as {
      predictions: { image: string; malignant: number; box: object | null }[];
      skipped: { file: string; reason: string }[];
    };
    const short = (name: string) => path.relative(at("set"), name).replaceAll(path.sep, "/");
    const byName = <T>(pairs: [string, T][]) => Object.fromEntries(pairs.sort(([a], [b]) => (a < b ? -1 : 1)));
    expect(byName(lines.filter((l) => l.leftOut === undefined).map((l) => [l.image, [l.malignant, l.box]]))).toEqual(
      byName(report.predictions.map((p) => [short(p.image), [p.malignant, p.box]])),
    );
    expect(byName(lines.filter((l) => l.leftOut !== undefined).map((l) => [l.image, l.leftOut]))).toEqual(
      byName(report.skipped.map((s) => [short(s.file), s.reason])),
    );
    expect(new Set(lines.map(({ malignant }) => malignant)).size).toBeGreaterThan(IMAGES / 2);
  });

  test("has the same as a table and a summary, and says what was not read", async () => {
    const [head, ...rows] = text("whole", "predictions.csv").trim().split("\n");
    expect(head).toBe("index,image,malignant,x0,y0,x1,y1,left_out,note");
    const lines = linesOf("whole");
    expect(rows).toHaveLength(lines.length);
    expect(rows[0]!.split(",").slice(0, 3)).toEqual(["0", "a/1.png", String(lines[0]!.malignant)]);
    expect(rows.find((row) => row.includes("torn"))).toMatch(/^14,c\/torn\.png,,,,,,is not a readable image/);
    expect(JSON.parse(text("whole", "summary.json"))).toMatchObject({
      ...{ lines: IMAGES + FRAMES + 1, predicted: IMAGES + FRAMES - 1, leftOut: 2 },
      images: { count: IMAGES + 2 },
      reasons: [{ images: 1 }, { images: 1 }],
    });
    const { code, out, err } = await predict("again-said");
    expect([code, err]).toEqual([0, []]);
    expect(out.join("\n")).toMatch(/1 files are no images by their extension and are not read, the first: notes\.txt/);
    expect(out.join("\n")).toMatch(/28 images in .*set\n/);
    expect(out.join("\n")).toMatch(/47 pictures: 45 predicted, 2 left out\n/);
    expect(out.join("\n")).toMatch(/images\/s\ndevice: \d+ % at work, \d+ % waiting for images: .* limit; decoding/);
    expect(text("again-said", "predictions.jsonl")).toBe(text("whole", "predictions.jsonl"));
  });

  test("that is complete is left as it is", async () => {
    cpSync(at("whole"), at("complete"), { recursive: true });
    rmSync(at("complete", "predictions.csv"));
    const { code, out } = await predict("complete");
    expect(code).toBe(0);
    expect(out.join("\n")).toMatch(/28 of them are done already/);
    // No device was opened.
    expect(out.join("\n")).not.toMatch(/images\/s/);
    for (const name of ["predictions.jsonl", "predictions.csv", "summary.json"]) {
      expect(text("complete", name)).toBe(text("whole", name));
    }
  });
});

describe("a journal that ends", () => {
  const whole = () => text("whole", "predictions.jsonl");
  /** A folder as a killed process leaves it. */
  const killedAt = (name: string, bytes: number, behind = "") => {
    cpSync(at("whole"), at(name), { recursive: true });
    for (const file of ["summary.json", "predictions.csv"]) rmSync(at(name, file));
    truncateSync(at(name, "predictions.jsonl"), bytes);
    appendFileSync(at(name, "predictions.jsonl"), behind);
  };
  const endOf = (line: number) => whole().split("\n").slice(0, line).join("\n").length + 1;

  type Cut = [string, () => [number, string?]];
  const goneOnWith = "%s is gone on with: no gap, no double, the same bits";
  test.each<Cut>([
    ["within a line", () => [endOf(9) + 30]],
    ["within a film", () => [endOf(13 + 4)]],
    ["in what a crashed machine left", () => [endOf(8), "\0\0\0\0\0\n\0\0"]],
  ])(goneOnWith, goesOn);
  test.each<Cut>([
    ["before the first line", () => [0]],
    ["within the first line", () => [10]],
    ["at a line's end", () => [endOf(7)]],
    ["before a line's end", () => [endOf(12) - 1]],
    ["at a film's end", () => [endOf(13 + FRAMES)]],
    ["in lines that do not follow", () => [endOf(8), whole().split("\n").slice(11, 14).join("\n")]],
    ["in the line before once more", () => [endOf(8), `${whole().split("\n")[7]!}\n`]],
    ["with the last line", () => [whole().length]],
  ])(goneOnWith, slow, goesOn);

  async function goesOn(...[name, where]: Cut): Promise<void> {
    const [bytes, behind] = where();
    const out = `killed ${name}`;
    killedAt(out, bytes, behind);
    const { code, out: said } = await predict(out);
    expect(code).toBe(0);
    for (const file of ["predictions.jsonl", "predictions.csv", "summary.json"]) {
      expect(text(out, file)).toBe(text("whole", file));
    }
    const torn = behind !== undefined || whole()[bytes - 1] !== "\n";
    expect(said.some((line) => line.includes("written again"))).toBe(torn && bytes > 0);
  }

  test("goes on with the same only: checkpoint, images, options", async () => {
    killedAt("tied", 500);
    const before = text("tied", "predictions.jsonl");
    await expectRefused(
      ["predict", "--run", at("other.safetensors"), "--out", at("tied"), "--data", at("set")],
      /tied: was begun with another checkpoint \(.*run\.safetensors, not .*other\.safetensors\); choose another --out$/,
    );
    await refused("tied", ["--batch", "4"], /was begun with other options \(--batch 8, not --batch 4\)/);
    await refused("tied", ["--half"], /was begun with other options \(no --half, not --half\)/);
    cpSync(at("set"), at("more"), { recursive: true });
    writeFileSync(at("more/a/new.png"), "");
    await refused("tied", [], /was begun with other images \(.*set: 28, not .*more: 29\)/, at("more"));
    // As many images of the same names: another hospital's.
    cpSync(at("set"), at("others"), { recursive: true });
    writeFileSync(at("others/a/1.png"), readFileSync(at("set/a/3.png")));
    await refused("tied", [], /was begun with other images, by name or content/, at("others"));
    await refused("tied", ["--shard", "1/2"], /tied: was begun without --shard; choose another --out$/);
    expect(text("tied", "predictions.jsonl")).toBe(before);
    // The same set elsewhere is the same.
    cpSync(at("set"), at("moved"), { recursive: true });
    const { code } = await mganet(
      "predict",
      "--run",
      at("run.safetensors"),
      "--out",
      at("tied"),
      "--data",
      at("moved"),
    );
    expect(code).toBe(0);
    expect(text("tied", "predictions.jsonl")).toBe(whole());
  });

  test("without the file that says what of, and other folders, are refused", slow, async () => {
    killedAt("lost", 500);
    rmSync(at("lost/job.json"));
    await refused("lost", [], /lost: the folder is not empty, and holds nothing to resume; choose another --out$/);
    write(dir, { "other/predictions.json": "{}" });
    await refused("other", [], /other: the folder is not empty, and holds nothing to resume/);
    await refused("other", ["--shard", "1/2"], /other: the folder is not empty, and holds no shards/);
    killedAt("spoilt", 500);
    writeFileSync(at("spoilt/job.json"), "{}");
    await refused("spoilt", [], /job\.json: is not the job of a prediction$/);
  });
});

describe("shards", () => {
  const shards = async (out: string, of: number, last = of) => {
    for (let i = 1; i <= last; i++) expect((await predict(out, "--shard", `${i}/${of}`)).code).toBe(0);
  };

  test("merged are byte for byte what one process writes", async () => {
    await shards("three", 3);
    expect(readdirSync(at("three/shards")).sort()).toEqual(["1-of-3", "2-of-3", "3-of-3"]);
    expect(linesOf("three/shards/2-of-3").map(({ index }) => index % 3)).not.toContain(0);
    const { code, out, err } = await mganet("merge", at("three"));
    expect([code, err]).toEqual([0, []]);
    expect(out[0]).toBe("3 shards of 28 images");
    for (const name of ["predictions.jsonl", "predictions.csv", "summary.json"]) {
      expect(text("three", name)).toBe(text("whole", name));
    }
    // Merging again, and a shard again, change nothing.
    expect((await predict("three", "--shard", "1/3")).code).toBe(0);
    expect((await mganet("merge", at("three"))).code).toBe(0);
    expect(text("three", "predictions.csv")).toBe(text("whole", "predictions.csv"));
    await refused("three", ["--shard", "1/4"], /three: holds the shard 1 of 3, not of 4; choose another --out$/);
    await refused("three", [], /three: holds shards of a set: give --shard, or merge them; choose another --out$/);
  });

  test("that are missing, there twice, not complete, or of something else are not merged", async () => {
    await shards("two", 2, 1);
    const merge = (reason: RegExp, ...args: string[]) => expectRefused(["merge", ...args], reason);
    await merge(/two: 1 of 2 shards are missing: 2$/, at("two"));
    cpSync(at("two"), at("twin"), { recursive: true });
    await merge(/is shard 1\/2, and so is .*two/, at("two"), at("twin"), "--out", at("merged"));
    // The second one from another machine, another set, another model, or of another number.
    expect((await predict("second", "--shard", "2/2")).code).toBe(0);
    const second = at("second/shards/2-of-2");
    const cut = statSync(path.join(second, "predictions.jsonl")).size;
    cpSync(at("second"), at("short"), { recursive: true });
    truncateSync(at("short/shards/2-of-2/predictions.jsonl"), cut - 1);
    await merge(
      /is not complete, with 13 of 14 images: .*--shard 2\/2$/,
      at("two"),
      at("short"),
      "--out",
      at("merged"),
    );
    cpSync(at("second"), at("unfinished"), { recursive: true });
    rmSync(at("unfinished/shards/2-of-2/summary.json"));
    await merge(/is not complete, with all of 14 images/, at("two"), at("unfinished"), "--out", at("merged"));
    const other = (name: string, run: string, data: string, shard: string) =>
      mganet(...["predict", "--run", at(run), "--out", at(name), "--data", at(data), "--shard", shard]);
    await other("model", "other.safetensors", "set", "2/2");
    await merge(/model.* does not belong to .*two.*: it has another checkpoint \(.*other/, at("two"), at("model"), "--out", at("merged")); // prettier-ignore
    await other("data", "run.safetensors", "others", "2/2");
    await merge(/it has other images, by name or content/, at("two"), at("data"), "--out", at("merged"));
    await other("number", "run.safetensors", "set", "2/3");
    await merge(/is shard 2\/3, but .* is 1\/2$/, at("two"), at("number"), "--out", at("merged"));
    await merge(/whole: was predicted without --shard: there is nothing to merge$/, at("whole"));
    await merge(/set: holds no shards of predictions$/, at("set"));
    await merge(/^Error: --out: say where/, at("two"), at("second"));
    await merge(
      /whole: the folder is not empty \(job\.json\); choose another --out$/,
      at("two"),
      at("second"),
      "--out",
      at("whole"),
    );
    expect(existsSync(at("merged"))).toBe(false);
    expect((await mganet("merge", at("two"), second, "--out", at("merged"))).code).toBe(0);
    expect(text("merged", "predictions.jsonl")).toBe(text("whole", "predictions.jsonl"));
  });

  test(
    "that a crash or a person has changed are not merged; other files beside them are left alone",
    slow,
    async () => {
      await shards("sound", 2);
      const merge = (name: string, reason: RegExp) => expectRefused(["merge", at(name), "--out", at("none")], reason);
      const copy = (name: string) => {
        cpSync(at("sound"), at(name), { recursive: true });
        return at(name, "shards/2-of-2");
      };
      const renamed = path.join(copy("renamed"), "predictions.jsonl");
      writeFileSync(renamed, readFileSync(renamed, "utf8").replace('"image":"a/', '"image":"z/'));
      await merge("renamed", /2-of-2.predictions\.jsonl: was changed after it was written; remove .*--shard 2\/2$/);
      for (const [name, content] of Object.entries({ emptied: "", torn: '{"format":' })) {
        writeFileSync(path.join(copy(name), "summary.json"), content);
        await merge(name, /is not complete, with all of 14 images/);
      }
      await expectRefused(["merge", at("sound"), at("sound"), "--out", at("none")], /sound: is given twice$/);
      writeFileSync(at("sound/shards/notes.txt"), "mine");
      expect((await predict("sound", "--shard", "1/2")).code).toBe(0);
      expect((await mganet("merge", at("sound"), "--out", at("apart"))).code).toBe(0);
      expect(existsSync(at("none"))).toBe(false);
    },
  );

  test("are merged again where a merge was cut short, and never left beside files of another time", slow, async () => {
    const merge = () => mganet("merge", at("sound"), "--out", at("apart"));
    const files = ["predictions.jsonl", "predictions.csv", "summary.json"];
    // As a full disk has left it before: one file of three.
    rmSync(at("apart/summary.json"));
    rmSync(at("apart/predictions.csv"));
    expect((await merge()).code).toBe(0);
    for (const name of files) expect(text("apart", name)).toBe(text("whole", name));
    // The table cannot be put in place: a folder has its name.
    rmSync(at("apart/predictions.csv"));
    mkdirSync(at("apart/predictions.csv/x"), { recursive: true });
    await expectRefused(["merge", at("sound"), "--out", at("apart")], /predictions\.csv: cannot be written/);
    expect(readdirSync(at("apart")).sort()).toEqual(["predictions.csv", "predictions.jsonl"]);
    rmSync(at("apart/predictions.csv"), { recursive: true });
    expect((await merge()).code).toBe(0);
    // Of another set.
    const summary = JSON.parse(text("apart", "summary.json")) as object;
    writeFileSync(at("apart/summary.json"), JSON.stringify({ ...summary, options: { half: false, batch: 3 } }));
    await expectRefused(["merge", at("sound"), "--out", at("apart")], /apart: holds other results; choose another/);
  });

  test("of fewer images than shards are empty, and merge", slow, async () => {
    write(dir, { "few/a.png": readFileSync(at("set/a/1.png")) });
    const few = ["--run", at("run.safetensors"), "--data", at("few"), "--out", at("sparse")];
    for (const shard of ["1/2", "2/2"]) expect((await mganet("predict", ...few, "--shard", shard)).code).toBe(0);
    expect((await mganet("merge", at("sparse"))).code).toBe(0);
    expect(linesOf("sparse")).toHaveLength(1);
  });

  test("are those of a Slurm array's tasks", async () => {
    process.env["SLURM_ARRAY_TASK_ID"] = "2";
    try {
      expect((await predict("array", "--shard", "slurm/3")).code).toBe(0);
      await refused("array", ["--shard", "slurm"], /--shard.*SLURM_ARRAY_TASK_COUNT is not set/);
    } finally {
      delete process.env["SLURM_ARRAY_TASK_ID"];
    }
    expect(text("array/shards/2-of-3/predictions.jsonl")).toBe(text("three/shards/2-of-3/predictions.jsonl"));
    await refused(
      "array",
      ["--shard", "slurm"],
      /--shard.*SLURM_ARRAY_TASK_ID is not set: this is no task of an array/,
    );
  });
});

describe("a manifest", () => {
  test("names images, frames and what is cropped; what is missing is left out", async () => {
    const rows = ["image,label,cropped", "set/d/2.png,x,", "gone.png,,", "set/a/1.png,,yes", "set/b/loop.webp#5,,", "./set//a/../d/2.png,,"]; // prettier-ignore
    write(dir, { "list.csv": `${rows.join("\n")}\n` });
    const { code, out } = await mganet("predict", "--run", at("run.safetensors"), "--out", at("listed"), "--data", at("list.csv")); // prettier-ignore
    expect(code).toBe(0);
    expect(out.join("\n")).toMatch(/1 rows name an image again: each is predicted once/);
    const lines = linesOf("listed");
    expect(lines.map(({ image }) => image)).toEqual(["gone.png", "set/a/1.png", "set/b/loop.webp#5", "set/d/2.png"]);
    expect(lines[0]).toEqual({ index: 0, image: "gone.png", leftOut: "no such file or folder" });
    const whole = new Map(linesOf("whole").map((line) => [line.image, line.malignant]));
    expect(lines[2]!.malignant).toBeCloseTo(whole.get("b/loop.webp#5")!, 6);
    expect(lines[3]!.malignant).toBeCloseTo(whole.get("d/2.png")!, 6);
  });

  test("with a row that cannot be read is refused: an image would be missing", async () => {
    const manifest = (name: string, text: string, reason: RegExp) => {
      write(dir, { [name]: text });
      return refused("none", [], reason, at(name));
    };
    await manifest(
      "bad.csv",
      "image,label\na.png,x\nb.png\n",
      /bad\.csv: line 3 has 1 cells, but there are 2 columns$/,
    );
    await manifest(
      "bad.jsonl",
      '{"image":"a.png"}\n{"file":"b.png"}\n',
      /bad\.jsonl: line 2 is not an image of a mani/,
    );
    await manifest("torn.jsonl", '{"image":"a.png"}\n{"image":"b', /torn\.jsonl: line 2 is not JSON/);
    await manifest("other.csv", "file\na.png\n", /other\.csv: has no column "image", but "file"$/);
    await manifest("empty.csv", "image\n", /empty\.csv: there is no image$/);
    await manifest("crop.csv", "image,cropped\na.png,maybe\n", /line 2 has cropped "maybe", which is not yes or no$/);
    await manifest("away.csv", "image\nnot/a.png\nnot/b.png\n", /none of 2 images, spread over all, can be read; the first: not\/a\.png: no such/); // prettier-ignore
  });
});

describe("what cannot be meant is refused", () => {
  test("by its option", async () => {
    await refused("none", ["--shard", "0/4"], /--shard.*Of 4 shards, the first is 1 and the last 4: not 0\./);
    await refused("none", ["--shard", "5/4"], /--shard/);
    await refused("none", ["--shard", "1"], /--shard.*It is not a shard such as 3\/64\./);
    await refused("none", ["--batch", "0"], /--batch/);
    await refused("none", ["--explain"], /--explain has no effect with --data/);
    const { malignant } = linesOf("whole")[0]!;
    expect(malignant).toBeGreaterThan(0);
    await refused("none", [at("set/a/1.png")], /--data has no effect beside images named one by one/);
    const single = ["predict", at("set/a/1.png"), "--run", at("run.safetensors"), "--out", at("none")];
    await expectRefused([...single, "--shard", "1/2"], /--shard has no effect without --data/);
    await expectRefused(["predict", "--run", at("run.safetensors")], /name images, or a folder or manifest of them/);
    expect(existsSync(at("none"))).toBe(false);
  });

  test("by what the data are", async () => {
    mkdirSync(at("bare"));
    await refused("none", [], /bare: there is no image$/, at("bare"));
    await refused("none", [], /nowhere: there is no such folder$/, at("nowhere"));
    await refused("none", [], /notes\.txt: is neither a folder nor a manifest/, at("set/notes.txt"));
    await refused("none", [], /--data phantom: the phantom has no files/, "phantom");
    write(dir, { "both/manifest.csv": "image\n", "both/manifest.jsonl": "" });
    await refused("none", [], /both: has both manifest\.csv and manifest\.jsonl; name the one to read/, at("both"));
    expect(existsSync(at("none"))).toBe(false);
    write(dir, { "useless/a.png": "no image", "useless/a_mask.png": "neither" });
    symlinkSync("..", at("useless/up"));
    symlinkSync("gone.png", at("useless/b.png"));
    const { code, out, err } = await mganet("predict", "--run", at("run.safetensors"), "--data", at("useless"), "--out", at("useless-out")); // prettier-ignore
    expect(code).toBe(2);
    expect(err).toEqual([expect.stringMatching(/useless: none of the 3 images can be used$/)]);
    expect(out.join("\n")).toMatch(/1 images are masks by their names and are predicted like any other/);
    expect(linesOf("useless-out").map(({ leftOut }) => leftOut)).toEqual([
      expect.stringMatching(/is not a readable image/),
      expect.stringMatching(/is not a readable image/),
      "no such file or folder",
    ]);
  });
});
