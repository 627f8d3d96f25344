/** Studies: rows, seeds and folds are trained once each, as `train` would, and the tables match their results. */
import { chmodSync, cpSync, existsSync, readdirSync, readFileSync, rmSync, statSync, truncateSync } from "node:fs";
import { hostname } from "node:os";
import path from "node:path";
import { writeClasses } from "../node/data/other-sets.ts";
import { beforeAll, describe, expect, test, vi } from "vitest";
import { parsePredictions } from "../../src/metrics/predictions.ts";
import { studySchema } from "../../src/study/file.ts";
import { writeManifestSet } from "../node/data/sets.ts";
import { slow } from "../support/selection.ts";
import { spawned } from "./spawned.ts";
import { expectRefused, mganet, temporaryFolder, tiny, write, type Ended } from "./support.ts";

const dir = temporaryFolder();
const at = (...names: string[]) => path.join(dir, ...names);
const bytes = (...names: string[]) => readFileSync(at(...names));
const studyOf = (name: string) => studySchema.parse(JSON.parse(bytes(name, "study.json").toString("utf8")));
const reproduce = (name: string, ...args: string[]) => ["reproduce", ...tiny, "--out", at(name), ...args];
/** A run's epochs, without times. */
const records = (...names: string[]) =>
  bytes(...names, "metrics.jsonl")
    .toString("utf8")
    .replaceAll(/"seconds":[\d.e-]+,"imagesPerSecond":[\d.e-]+/g, "");
const lines = (out: string[], start: string) => out.filter((line) => line.startsWith(start));
/** When each file of a kind was last written. */
const written = (folder: string, name: string) =>
  (readdirSync(folder, { recursive: true }) as string[])
    .filter((file) => path.basename(file) === name)
    .sort()
    .map((file) => [file, statSync(path.join(folder, file)).mtimeMs]);

let first: Ended;
beforeAll(async () => {
  first = await mganet(...reproduce("study", "--table", "3", "--seeds", "2", "--json", at("study.json")));
  await writeManifestSet(at("set"), 16);
  await writeManifestSet(at("external"), 28);
});

describe("a study of table 3 with two seeds", () => {
  test("trains the segmentation stage once a seed and each row once, and prints the table with its intervals", () => {
    const { code, out, err } = first;
    expect([code, err]).toEqual([0, []]);
    expect(lines(out, "[").map((line) => line.replace(/:.*/, ""))).toEqual(
      [0, 1].flatMap((seed) =>
        ["Segmentation stage", "Base", "Channel-only", "Spatial-only", "Serial fusion", "Proposed"].map(
          (name, i) => `[${6 * seed + i + 1}/12] ${name}, seed ${seed}`,
        ),
      ),
    );
    expect(lines(out, "Table 3")).toEqual([
      "Table 3, how the mask is used: phantom 0, held-out (validation) images: 8, last checkpoint, 2 seeds",
    ]);
    for (const row of ["Base  ", "Channel-only  ", "Spatial-only  ", "Serial fusion  ", "Proposed  "]) {
      expect(lines(out, row), row).toEqual([expect.stringMatching(/( +\d\.\d{3} ± \d\.\d{3}){4}/)]);
    }
    expect(lines(out, "Base  ")[0]).toMatch(/ 0\.8829 \(0\.8805–0\.8853\) .* 0\.8642 \(0\.8605–0\.8680\)$/);
    expect(out.join("\n")).toMatch(/"paper" are from Liu et al\. 2026, .*: OTHER data, not to be compared/);
  });

  test("has all seeds on the same images, and other weights in each", () => {
    const split = bytes("study", "split.json");
    for (const run of ["base/seed-0", "serial/seed-1", "pretrained/seed-1"]) {
      expect(bytes("study", run, "split.json").equals(split), run).toBe(true);
    }
    expect(bytes("study", "base/seed-0/last.safetensors").equals(bytes("study", "base/seed-1/last.safetensors"))).toBe(
      false,
    );
  });

  test.each([
    ["base", ["--fusion", "none"], 0],
    ["serial", ["--fusion", "serial"], 1],
  ])("%s is bit for bit what train makes of the same settings", slow, async (row, settings, seed) => {
    const folder = `train-${row}`;
    const args = [...tiny, ...settings, "--seed", String(seed), "--split-seed", "0", "--out", at(folder)];
    expect(await mganet("train", ...args)).toMatchObject({ code: 0, err: [] });
    const run = ["study", row, `seed-${seed}`];
    for (const name of ["config.json", "last.safetensors", "best.safetensors", "variants.json"]) {
      expect(bytes(...run, name).equals(bytes(folder, name)), name).toBe(true);
    }
    expect(records(...run)).toBe(records(folder));
  });

  test("leaves run folders that evaluate takes, with the same verdicts", async () => {
    const run = at("study", "proposed", "seed-1");
    const { code, err } = await mganet("evaluate", run, "--checkpoint", "last", "--json", at("evaluated.json"));
    expect([code, err]).toEqual([0, []]);
    const { images } = parsePredictions(readFileSync(path.join(run, "predictions.json"), "utf8"), "predictions.json");
    const evaluated = JSON.parse(bytes("evaluated.json").toString("utf8")) as { images: { malignant: number }[] };
    expect(images.map(({ probabilities }) => probabilities![1])).toEqual(
      evaluated.images.map(({ malignant }) => malignant),
    );
    expect(images.length).toBe(8);
  });

  test("writes the table for other programs, and the whole study with --json", () => {
    const study = studyOf("study");
    expect(studySchema.parse(JSON.parse(bytes("study.json").toString("utf8")))).toEqual(study);
    expect(study.runs.map(({ state }) => state)).toEqual(Array.from({ length: 12 }, () => "finished"));
    const [table] = study.results;
    expect(table!.rows[4]).toMatchObject({
      row: "proposed",
      versusBase: { delong: [expect.any(Number), expect.any(Number)] },
    });
    const { values, mean } = table!.rows[0]!.figures.auc!;
    expect(mean).toBeCloseTo((values[0]! + values[1]!) / 2, 12);
    const csv = bytes("study", "table-3.csv").toString("utf8").split("\n");
    expect(csv[0]).toBe("table,on,row,figure,mean,low,high,seed 0,seed 1");
    expect(csv[2]).toMatch(new RegExp(`^3,val,Base,auc,${mean},.*,${values[0]},${values[1]}$`));
    expect(bytes("study", "table-3.md").toString("utf8")).toMatch(
      /^Table 3[^]*\n\| Proposed \|( [+−-]?\d\.\d{3} ± \d\.\d{3} \|){5}/,
    );
  });

  test("is not trained again, nor are rows that another table shares", slow, async () => {
    const [before, predicted] = [written(at("study"), "last.safetensors"), written(at("study"), "predictions.json")];
    const again = await mganet(...reproduce("study", "--table", "3", "--seeds", "2"));
    expect(again.code).toBe(0);
    expect(lines(again.out, "Preset")).toEqual([]);
    const from = (out: string[]) => out.slice(out.findIndex((line) => line.startsWith("Table 3")));
    expect(from(again.out)).toEqual(from(first.out));
    const { code, out, err } = await mganet(...reproduce("study", "--table", "4", "--seeds", "1"));
    expect([code, err]).toEqual([0, []]);
    expect(lines(out, "[").map((line) => line.replace(/:.*/, ""))).toEqual(
      ["EB", "-L0", "-L1", "-L2", "-L3", "-L4"].map((name, i) => `[${i + 3}/9] ${name}, seed 0`),
    );
    const kept = (now: unknown[][]) => now.filter(([file]) => before.some(([old]) => old === file));
    expect(kept(written(at("study"), "last.safetensors"))).toEqual(before);
    expect(predicted.every((entry) => written(at("study"), "predictions.json").some((e) => e[1] === entry[1]))).toBe(
      true,
    );
    expect(studyOf("study")).toMatchObject({ tables: [3, 4], seeds: [0, 1], results: [{ table: 3 }, { table: 4 }] });
  });

  test("is told with --dry-run, and nothing is made", slow, async () => {
    const planned = await mganet(...reproduce("study", "--table", "3,4", "--seeds", "2", "--dry-run"));
    expect(planned.code).toBe(0);
    expect(planned.out.at(-1)).toMatch(/^To do: 0 segmentation stages and 6 runs, about \d:\d\d by the runs so far$/);
    expect(lines(planned.out, "  EB, seed").map((line) => line.trim().split(/ {2,}/))).toEqual([
      ["EB, seed 0", "finished"],
      ["EB, seed 1", "waiting"],
    ]);
    const fresh = await mganet(...reproduce("planned", "--table", "4", "--dry-run"));
    expect(fresh.out.at(-1)).toBe("To do: 5 segmentation stages and 40 runs");
    expect(existsSync(at("planned"))).toBe(false);
  });
});

test(
  "with folds each image is held out once; an external set is judged too, by the best checkpoint if so wished",
  slow,
  async () => {
    const args = [
      "reproduce",
      ...tiny.filter((arg) => !["--phantom-images", "40"].includes(arg)),
      "--out",
      at("folds"),
    ];
    const { code, out, err } = await mganet(
      ...[...args, "--table", "3", "--seeds", "1", "--data", at("set"), "--folds", "2"],
      ...["--seg-epochs", "0", "--external", at("external"), "--checkpoint", "best"],
    );
    expect([code, err]).toEqual([0, []]);
    expect(lines(out, "[").length).toBe(10);
    expect(existsSync(at("folds", "pretrained"))).toBe(false);
    const images = [0, 1].flatMap((fold) => {
      const file = `base/seed-0-fold-${fold}/predictions.json`;
      return parsePredictions(bytes("folds", file).toString("utf8"), file).images.map(({ image }) => image);
    });
    expect(new Set(images).size).toBe(images.length);
    const { results, sides } = studyOf("folds");
    expect(sides).toEqual(["val", "external"]);
    expect(results.map(({ on, images }) => [on, images])).toEqual([
      ["val", images.length],
      ["external", 12],
    ]);
    const own = JSON.parse(
      bytes("folds", "proposed/seed-0-fold-1/predictions-external.json").toString("utf8"),
    ) as object;
    expect(own).toMatchObject({ checkpoint: "best.safetensors", on: "external" });
    expect(existsSync(at("folds", "table-3-external.md"))).toBe(true);
  },
);

describe("a study without its weights, as an archive of it", () => {
  /** Copies the study, without weights and without one row. */
  function archive(name: string): void {
    cpSync(at("study"), at(name), { recursive: true });
    for (const [file] of written(at(name), "last.safetensors")) rmSync(at(name, String(file)));
    rmSync(at(name, "proposed/seed-1"), { recursive: true });
  }

  test("has the segmentation stage that a row needs trained again, to the same bits, and no other", async () => {
    archive("archive");
    const { code, out, err } = await mganet(...reproduce("archive", "--table", "3", "--seeds", "2"));
    expect([code, err]).toEqual([0, []]);
    expect(lines(out, at("archive"))).toEqual([
      expect.stringMatching(/pretrained.seed-1: trained again, since rows start from its weights, which are gone$/),
    ]);
    expect(lines(out, "[").map((line) => line.replace(/:.*/, ""))).toEqual([
      "[7/12] Segmentation stage, seed 1",
      "[12/12] Proposed, seed 1",
    ]);
    for (const run of ["pretrained/seed-1", "proposed/seed-1"]) {
      expect(records("archive", run)).toBe(records("study", run));
      const file = `${run}/last.safetensors`;
      expect(bytes("archive", file).equals(bytes("study", file)), run).toBe(true);
    }
    expect(existsSync(at("archive", "pretrained/seed-0/last.safetensors"))).toBe(false);
    const from = (lines: string[]) => lines.slice(lines.findIndex((line) => line.startsWith("Table 3")));
    expect(from(out).slice(0, 10)).toEqual(from(first.out).slice(0, 10));
  });

  test("says so when rows start from trainings that differ, or were trained on different adapters", async () => {
    cpSync(at("study"), at("mixed"), { recursive: true });
    const change = (file: string, from: RegExp, to: string) =>
      write(at("mixed"), { [file]: bytes("mixed", file).toString("utf8").replace(from, to) });
    change("serial/seed-1/metrics.jsonl", /"loss":/, '"loss":1');
    change("base/seed-0/summary.json", /"adapter": ".*"/, '"adapter": "another card"');
    const { code, out } = await mganet(...reproduce("mixed", "--table", "3", "--seeds", "2"));
    expect(code).toBe(0);
    const said = [
      /^Segmentation stage, seed-1: its rows start from 2 trainings .* \(Base, Channel-only, Spatial-only, Proposed \| Serial fusion\)/,
      /^The runs were trained on 2 kinds of adapters: another card \(1\), .* \(9\); /,
    ];
    const table = bytes("mixed", "table-3.md").toString("utf8").split("\n");
    for (const [i, note] of said.entries()) {
      expect(out.filter((line) => note.test(line)).length).toBe(1);
      expect(table.at(i - 3)).toMatch(new RegExp(note.source.replace("^", "^- ")));
    }
  });

  test("cannot be evaluated on another set, and says so of each run", async () => {
    archive("unseen");
    const { code, out, err } = await mganet(
      ...reproduce("unseen", "--table", "3", "--seeds", "1", "--external", "phantom-b"),
    );
    expect(err).toEqual(["5 runs failed. Run the same command to try again."]);
    expect(code).toBe(1);
    expect(lines(out, "[")).toEqual(
      [0, 1, 2, 3, 4].map(
        () => expect.stringMatching(/: FAILED: .*seed-0: it is trained, but its last\.safetensors is gone/) as string,
      ),
    );
  });
});

describe("a study with damaged runs", () => {
  const dirs = { last: "channel", metrics: "serial", predictions: "base", summary: "proposed" };
  const of = (kind: keyof typeof dirs) => at("damaged", dirs[kind], "seed-0");
  const status = async () => (await mganet("study", "status", at("damaged"))).out;

  test("trains the others, records what is wrong with each, and says so", async () => {
    cpSync(at("study"), at("damaged"), { recursive: true });
    rmSync(at("damaged", "spatial/seed-0"), { recursive: true });
    for (const kind of ["last", "metrics"] as const) {
      for (const name of ["summary.json", "predictions.json"]) rmSync(path.join(of(kind), name));
    }
    truncateSync(path.join(of("last"), "last.safetensors"), 5000);
    write(of("metrics"), {
      "metrics.jsonl": `${bytes("study", "serial/seed-0/metrics.jsonl").toString("utf8")}{"x":\n`,
    });
    truncateSync(path.join(of("predictions"), "predictions.json"), 300);
    write(of("summary"), { "summary.json": "" });
    // Seen before anybody has tried.
    const before = (await status()).join("\n");
    expect(before).toMatch(/Base, seed 0 +failed +.*base.seed-0.predictions\.json: is not JSON/);
    expect(before).toMatch(/Proposed, seed 0 +failed +.*proposed.seed-0.summary\.json: is not JSON/);
    const { code, err } = await spawned(["study", "work", at("damaged")]);
    expect(code).toBe(1);
    expect(err[0]).toMatch(/^4 runs failed\. Run npx mganet study retry \S+ to try again\.$/);
    expect(existsSync(at("damaged", "spatial/seed-0/summary.json"))).toBe(true);
    const after = (await status()).join("\n");
    expect(after).toMatch(/Channel-only, seed 0 +failed +on .*channel.seed-0.last\.safetensors: header length/);
    expect(after).toMatch(/Serial fusion, seed 0 +failed +on .*metrics\.jsonl: line 4 is not the record of an epoch/);
    expect(after).toMatch(/Base, seed 0 +failed +on .*predictions\.json: is not JSON/);
    // As many as the tests before have asked for.
    const all = studyOf("damaged").runs.length;
    expect(after).toMatch(new RegExp(`^${all} runs .*: ${all - 4} finished, 4 failed$`, "m"));
    const tables = await spawned(["study", "work", at("damaged"), "--only-tables"]);
    expect([tables.code, tables.err[0]]).toEqual([1, `No tables: 4 runs of ${all} are not finished.`]);
  });

  test("has them tried again: from their checkpoints where they can be read, else anew, to the same figures", async () => {
    const { out } = await mganet("study", "retry", at("damaged"));
    const said = out.join("\n");
    expect(said).toMatch(/^Channel-only, seed 0: failed on .*last\.safetensors: header/m);
    expect(said).toMatch(/channel.seed-0.last\.safetensors: .*: the run begins anew$/m);
    expect(said).toMatch(/metrics\.jsonl: line 4 .*: what cannot be read of it is left out$/m);
    expect(said).toMatch(/base.*predictions\.json: .*: the run is evaluated again from last\.safetensors$/m);
    expect(said).toMatch(/proposed.*summary\.json: is not JSON: the run ends again from last\.safetensors$/m);
    expect(out.at(-1)).toMatch(/^4 runs will be tried again/);
    const again = await mganet(...reproduce("damaged", "--table", "3", "--seeds", "2"));
    expect([again.code, again.err]).toEqual([0, []]);
    expect(bytes("damaged", "table-3.csv").equals(bytes("study", "table-3.csv"))).toBe(true);
    for (const row of Object.values(dirs))
      expect(records("damaged", `${row}/seed-0`)).toBe(records("study", `${row}/seed-0`));
    const all = studyOf("damaged").runs.length;
    expect((await status()).at(-1)).toBe(`${all} runs on phantom 0: ${all} finished`);
  });
});

describe("the tables of a study", () => {
  const lock = (owner: object) =>
    write(at("tables"), { ".mganet-tables/.mganet-lock": JSON.stringify({ token: "theirs", leased: true, ...owner }) });
  const work = (onLine?: (line: string) => void) => spawned(["study", "work", at("tables"), "--only-tables"], onLine);

  test("are written though a process of another machine died over them", async () => {
    vi.stubEnv("MGANET_LEASE", "0.3");
    try {
      cpSync(at("study"), at("tables"), { recursive: true });
      rmSync(at("tables", "table-3.md"));
      lock({ pid: 77, host: "node17", born: "aaaa-bbbb pid:[1] 5" });
      const { code, out, err } = await work();
      expect(err).toEqual([]);
      expect(out[0]).toMatch(/process 77 on node17 was at work there; waiting 1 s for a sign of life$/);
      expect([code, existsSync(at("tables", "table-3.md"))]).toEqual([0, true]);
    } finally {
      vi.unstubAllEnvs();
    }
  });

  test("are waited for by whoever is there for them alone", async () => {
    lock({ pid: process.ppid, host: hostname() });
    const { code, out } = await work((line) => {
      if (line.endsWith("waiting for it.")) rmSync(at("tables", ".mganet-tables/.mganet-lock"));
    });
    expect([code, out]).toEqual([0, ["Another process writes the tables; waiting for it.", "They are written."]]);
  });
});

describe.skipIf(process.platform === "win32")("a study that Slurm refuses", () => {
  const slurm = (name: string, ...more: string[]) =>
    reproduce(name, "--table", "3", "--seeds", "1", "--slurm", "--sbatch", "--mem=16G --cpus-per-task=4", ...more);
  beforeAll(() => {
    const said = "echo 'sbatch: error: invalid partition specified: none' >&2; exit 1";
    write(dir, { "bin/sinfo": "#!/bin/sh\n", "bin/squeue": "#!/bin/sh\n", "bin/sbatch": `#!/bin/sh\n${said}\n` });
    for (const name of ["sinfo", "squeue", "sbatch"]) chmodSync(at("bin", name), 0o755);
    vi.stubEnv("PATH", `${at("bin")}:${process.env["PATH"]}`);
    return () => vi.unstubAllEnvs();
  });

  test("leaves no folder, and the same command may come again", async () => {
    for (let i = 0; i < 2; i++) {
      await expectRefused(slurm("queued", "--partition", "none"), /Slurm refuses: invalid partition specified: none$/);
      expect(existsSync(at("queued"))).toBe(false);
    }
    await expectRefused(slurm("queued", "--sbatch", "-a 1"), /--sbatch: leave out -a: the job scripts set it$/);
  });

  test("keeps why its runs have failed", async () => {
    cpSync(at("study"), at("refused-runs"), { recursive: true });
    rmSync(at("refused-runs", "base/seed-0/summary.json"));
    write(at("refused-runs"), { "base/seed-0/.mganet-failure.json": '{"message":"made up","host":"here","at":""}' });
    const before = bytes("refused-runs", "study.json");
    await expectRefused(slurm("refused-runs"), /Slurm refuses/);
    expect((await mganet("study", "status", at("refused-runs"))).out[1]).toMatch(
      /Base, seed 0 +failed +on here: made up/,
    );
    expect(bytes("refused-runs", "study.json").equals(before)).toBe(true);
  });
});

test("published figures are printed beside, and marked as of other data", async () => {
  const columns = ["ACC", "AUC"];
  const published = { source: "a made-up source", tables: { 3: { columns, rows: { Base: ["11.1", "22.2"] } } } };
  write(dir, { "published.json": JSON.stringify(published) });
  const { out } = await mganet(
    ...reproduce("study", "--table", "3", "--seeds", "2", "--published", at("published.json")),
  );
  expect(lines(out, "Base  ")).toEqual([expect.stringMatching(/ 11\.1 +22\.2$/)]);
  expect(out.join("\n")).toMatch(/from a made-up source: OTHER data, not to be compared/);
});

describe("refuses", () => {
  const table3 = ["--table", "3", "--seeds", "1"];
  test.each<[string, string[], RegExp]>([
    ["another table", ["--table", "7"], /--table.*not one of 2, 3, 4, 5, 6/],
    ["no table", [], /name the tables, such as --table 3 or --table all, or a --study/],
    ["another study", ["--study", "seeds"], /--study.*not one of/],
    ["no joint epochs", ["--table", "3", "--joint-epochs", "0"], /--joint-epochs: 0 leaves nothing to compare/],
    ["no seeds", ["--table", "3", "--seeds", "0"], /--seeds.*not a positive whole number/],
    ["a split seed that is none", ["--table", "3", "--split-seed", "-1"], /--split-seed/],
    ["figures that are not there", [...table3, "--published", "none.json"], /none\.json: no such file/],
    ["images that are not there", [...table3, "--data", "none"], /--phantom-images has no effect with --data/],
  ])("%s", async (_, args, reason) => {
    await expectRefused(reproduce("refused", ...args), reason);
    expect(existsSync(at("refused"))).toBe(false);
  });

  test("nothing with --dry-run, which counts in the singular too", async () => {
    const { code, out } = await mganet(...reproduce("unmade", "--table", "3", "--seeds", "1", "--dry-run"));
    expect([code, out.at(-1)]).toEqual([0, "To do: 1 segmentation stage and 5 runs"]);
  });

  test("images without outlines, as --dry-run does, and leaves no folder", async () => {
    await writeClasses(at("bare"), 12);
    const args = ["reproduce", "--table", "3", "--data", at("bare"), "--out", at("unmade")];
    await expectRefused([...args, "--dry-run"], /bare: the classes images have no outlines/);
    await expectRefused(args, /bare: the classes images have no outlines/);
    expect(existsSync(at("unmade"))).toBe(false);
  });

  test("a folder of other settings, of something else, and a study.json that is none", async () => {
    const before = bytes("study", "study.json");
    await expectRefused(
      [...reproduce("study", ...table3), "--batch", "5"],
      /--batch: the study in .*study was started with 4, not 5; choose another --out/,
    );
    await expectRefused(
      reproduce("study", ...table3, "--split-seed", "3"),
      /--split-seed: the study in .* was started with 0, not 3/,
    );
    await expectRefused([...reproduce("study", ...table3), "--joint-epochs", "3"], /--joint-epochs: .*with 2, not 3/);
    expect(bytes("study", "study.json").equals(before)).toBe(true);
    write(dir, { "other/notes.txt": "mine", "broken/study.json": "{", "odd/study.json": '{"format":"x"}' });
    await expectRefused(reproduce("other", ...table3), /other: the folder is not empty and holds no study/);
    await expectRefused(reproduce("broken", ...table3), /broken.study\.json: is not JSON/);
    await expectRefused(reproduce("odd", ...table3), /odd.study\.json: is not a study file: format: /);
    const study = JSON.parse(before.toString("utf8")) as { runs: { dir: string }[] };
    study.runs[0]!.dir = "../../elsewhere";
    write(dir, { "astray/study.json": JSON.stringify(study) });
    await expectRefused(reproduce("astray", ...table3), /not a study file: runs\.0\.dir/);
  });

  test("a run of other settings in its folder, and figures of no row", async () => {
    cpSync(at("study"), at("foreign"), { recursive: true });
    const run = at("foreign", "serial", "seed-0");
    rmSync(path.join(run, "summary.json"));
    write(run, { "last.safetensors": bytes("study", "serial/seed-1/last.safetensors") });
    const foreign = await mganet(...reproduce("foreign", ...table3));
    expect(foreign.out.join("\n")).toMatch(
      /FAILED: .*serial.seed-0: this run has other settings than the study; remove/,
    );
    expect(foreign.code).toBe(1);
    write(dir, { "wrong.json": '{"source":"s","tables":{"3":{"columns":["a"],"rows":{"EB":["1"]}}}}' });
    await expectRefused(
      reproduce("study", ...table3, "--published", at("wrong.json")),
      /wrong\.json: Table 3 has no row "EB"; its rows are Base, /,
    );
  });
});
