/** Runs out of the page and in again: zip files and folders, and those that must be refused. */
import { strToU8, zipSync } from "fflate";
import { beforeAll, describe, expect, test } from "vitest";
import { zipped } from "../../app/worker/run-export.ts";
import { runsIn } from "../../app/worker/run-files.ts";
import { serializeSafetensors } from "../../src/data/safetensors.ts";
import { toJson } from "../../src/runs/store.ts";
import { MemoryStore } from "../support/memory-store.ts";
import { mganetConfig } from "../support/mganet.ts";

const config = mganetConfig({ epochs: { segmentation: 1, joint: 2 } });
const record = { stage: "joint", epoch: 1, step: 3, lr: 1e-3, loss: 1, seconds: 1, imagesPerSecond: 4 };
const files: Readonly<Record<string, string>> = {
  "config.json": toJson(config),
  "metrics.jsonl": `${JSON.stringify(record)}\n`,
  "split.json": toJson({ format: "mganet-split-1", data: "phantom 0", how: "", train: ["a"], val: ["b"], test: [] }),
};

const entry = (path: string, content: string | Uint8Array) => ({ path, file: new Blob([content as BlobPart]) });
const folder = (changes: Readonly<Record<string, string | Uint8Array | undefined>> = {}, name = "my run") =>
  Object.entries({ ...files, ...changes }).flatMap(([file, content]) =>
    content === undefined ? [] : [entry(`${name}/${file}`, content)],
  );
const zip = (content: Record<string, string | Uint8Array>) =>
  entry(
    "given.zip",
    zipSync(
      Object.fromEntries(
        Object.entries(content).map(([path, text]) => [path, typeof text === "string" ? strToU8(text) : text]),
      ),
    ),
  );

test("what is exported is found again, byte for byte, in one folder of the run's name, without locks", async () => {
  const store = new MemoryStore("runs/first");
  for (const [file, text] of Object.entries(files)) await store.write(file, text);
  await store.write(".mganet-lock", "mine");
  await store.write("report.html", "<html>");
  const blob = await zipped(store, "first");
  const { runs, notes } = await runsIn([{ path: "first.zip", file: blob }]);
  expect(notes).toEqual([]);
  expect(runs.map(({ name }) => name)).toEqual(["first"]);
  expect([...runs[0]!.files.keys()].sort()).toEqual(Object.keys(files).sort());
  for (const file of Object.keys(files)) expect(await runs[0]!.read(file)).toEqual(await store.read(file));
});

test("a folder of the command line, several of them, and a zip file without a folder", async () => {
  expect((await runsIn(folder())).runs.map(({ name }) => name)).toEqual(["my run"]);
  const both = await runsIn([...folder({}, "runs/one"), ...folder({}, "runs/two"), entry("runs/readme.txt", "")]);
  expect(both.runs.map(({ name }) => name)).toEqual(["runs/one", "runs/two"]);
  const bare = await runsIn([zip({ "config.json": files["config.json"]!, "metrics.jsonl": files["metrics.jsonl"]! })]);
  expect(bare.runs.map(({ name }) => name)).toEqual(["given"]);
});

test("what is not a run's is left out and said; of several runs a bad one does not keep the others out", async () => {
  const one = await runsIn(folder({ "evil.js": "alert(1)", "report.html": "<script>alert(1)</script>" }));
  expect(one.notes).toEqual(["my run: not taken: evil.js"]);
  expect([...one.runs[0]!.files.keys()]).not.toContain("report.html");
  const two = await runsIn([...folder({}, "good"), ...folder({ "config.json": "{" }, "bad")]);
  expect(two.runs.map(({ name }) => name)).toEqual(["good"]);
  expect(two.notes).toEqual(["bad/config.json: is not JSON"]);
});

describe("in one line is refused", () => {
  let checkpoint: Uint8Array;
  beforeAll(() => {
    checkpoint = serializeSafetensors(new Map(), { format: "another" });
  });
  test.each<[string, () => Parameters<typeof runsIn>[0], RegExp]>([
    ["nothing", () => [], /no run in that: no folder with a config.json/],
    ["a picture", () => [entry("a.png", "x")], /no run in that/],
    [
      "no zip file",
      () => [entry("given.zip", "PK but not really")],
      /^given.zip: is not a zip file that can be read: /,
    ],
    [
      "a way out of the folder",
      () => [zip({ ...files, "../../evil.json": "{}" })],
      /^given.zip: names a file outside itself: \.\.\/\.\.\/evil.json$/,
    ],
    ["an absolute path", () => [zip({ ...files, "/etc/passwd": "" })], /names a file outside itself/],
    ["a path of Windows", () => [zip({ ...files, "C:\\evil": "" })], /names a file outside itself/],
    [
      "a setting out of range",
      () => folder({ "config.json": toJson({ ...config, batch: 1 }) }),
      /^my run\/config.json: .*batch/,
    ],
    ["no JSON", () => folder({ "summary.json": "<html>" }), /^my run\/summary.json: is not JSON$/],
    ["other lines", () => folder({ "metrics.jsonl": "1\n" }), /line 1 is not the record of an epoch/],
    ["other predictions", () => folder({ "predictions.json": "[]" }), /^my run\/predictions.json: /],
    ["another split", () => folder({ "split.json": "[]" }), /^my run\/split.json: /],
    [
      "another checkpoint",
      () => folder({ "last.safetensors": checkpoint }),
      /^my run\/last.safetensors: not a checkpoint/,
    ],
    ["a cut checkpoint", () => folder({ "last.safetensors": new Uint8Array(9) }), /^my run\/last.safetensors: /],
    [
      "an empty run",
      () => folder({ "metrics.jsonl": undefined }),
      /has neither a checkpoint nor the record of an epoch/,
    ],
  ])("%s", async (_, given, why) => {
    const error = await runsIn(given()).then(
      () => undefined,
      (thrown: unknown) => thrown as Error,
    );
    expect(error?.message).toMatch(why);
    expect(error!.message).not.toContain("\n");
  });

  test("a file that is larger than it claims: it is read no further", async () => {
    await expect(runsIn([entry("given.zip", claiming(200_000, 16))])).rejects.toThrow("is not the record of an epoch");
  });

  test("a decompression bomb, before anything is unpacked", async () => {
    await expect(runsIn([entry("given.zip", claiming(200_000, 2 ** 26 + 1))])).rejects.toThrow(
      "given/metrics.jsonl: is too large for a file of a run",
    );
  });
});

/** A run whose metrics have `bytes` bytes, but claim to have `claimed`, in both places that tell. */
function claiming(bytes: number, claimed: number): Uint8Array {
  const made = zipSync({
    "config.json": strToU8(files["config.json"]!),
    "metrics.jsonl": strToU8("1".repeat(bytes)),
  });
  const view = new DataView(made.buffer);
  let changed = 0;
  for (let at = 0; at + 4 <= made.length; at++) {
    if (view.getUint32(at, true) !== bytes) continue;
    view.setUint32(at, claimed, true);
    changed++;
  }
  expect(changed).toBe(2);
  return made;
}
