/** The folder of a study, on disk and in memory. */
import path from "node:path";
import { describe, expect, test } from "vitest";
import { FolderStore } from "../../src/node/folder-store.ts";
import { ConfigError } from "../../src/models/config-error.ts";
import { InputError, readJson, type SharedStore } from "../../src/runs/store.ts";
import { isStudy, readStudy, StudyFolder, type StudyRequest } from "../../src/runs/study-folder.ts";
import { PHANTOM, presetFor } from "../../src/train/config.ts";
import { temporaryFolder } from "../node/data/images.ts";
import { MemoryStore } from "../support/memory-store.ts";

const root = temporaryFolder();
const config = presetFor("quick", PHANTOM);
const request: StudyRequest = { config, tables: [2], seeds: [0, 1], checkpoint: "last" };
const same = (a: string, b: string) => a === b;

const stores: [string, (name: string) => SharedStore][] = [
  ["in a folder", (name) => new FolderStore(path.join(root, name))],
  ["in memory", (name) => new MemoryStore().folder(name)],
];

describe.each(stores)("a study %s", (_, make) => {
  test("is not written before it is saved, and is the same when it is opened again", async () => {
    const store = make("new");
    const folder = await StudyFolder.open(store, request, same);
    expect([await store.exists(""), await isStudy(store)]).toEqual([false, false]);
    await folder.save({ data: "phantom 0", sides: ["val"] });
    await folder.note({ row: "vgg", seed: 1, fold: undefined }, "finished", 12);
    expect(await readStudy(store)).toEqual(folder.study);
    const again = await StudyFolder.open(store, request, same);
    expect(again.study).toEqual(folder.study);
    expect(again.noted({ row: "vgg", seed: 1 })).toMatchObject({ state: "finished", seconds: 12 });
    expect(again.noted({ row: null, seed: 0 })).toMatchObject({ state: "waiting", dir: "pretrained/seed-0" });
    expect(() => again.noted({ row: "base", seed: 0 })).toThrow("this run is not part of the study");
  });

  test("has a folder for each run, with the settings of its row and seed", async () => {
    const store = make("runs");
    const folder = await StudyFolder.open(store, request, same);
    const place = { row: "vgg", seed: 1 } as const;
    const run = folder.runStore(place);
    expect(run.name).toBe(store.folder("vgg").folder("seed-1").name);
    await run.write("config.json", JSON.stringify(folder.configOf(place)));
    expect(await readJson(run, "config.json")).toMatchObject({ model: "vgg16_bn", seed: 1 });
    expect(folder.configOf({ row: "proposed", seed: 0 })).toEqual(config);
    expect(await store.list()).toEqual(["vgg"]);
  });

  test("grows by tables and seeds, and forgets the figures of another checkpoint", async () => {
    const store = make("grown");
    const first = await StudyFolder.open(store, request, same);
    await first.save({ results: [{ table: 2, on: "val", images: 0, seeds: [0, 1], rows: [] }] });
    const kept = await StudyFolder.open(store, { ...request, tables: [3], seeds: [2] }, same);
    expect(kept.study).toMatchObject({ tables: [2, 3], seeds: [0, 1, 2], results: [{ table: 2 }] });
    expect(kept.study.runs.slice(0, first.study.runs.length)).toEqual(first.study.runs);
    const other = await StudyFolder.open(store, { ...request, checkpoint: "best" }, same);
    expect(other.study.results).toEqual([]);
  });

  test("is evaluated by one checkpoint at a time: another is refused while a process works on a run", async () => {
    const store = make("checkpoints");
    const last = await StudyFolder.open(store, request, same);
    await last.save();
    const best = await StudyFolder.open(store, { ...request, checkpoint: "best" }, same);
    const release = await last.runStore({ row: "vgg", seed: 0 }).claim();
    await expect(best.save()).rejects.toThrow(
      /^\S+: process \d+ on \S+ works on it with --checkpoint last, not best; wait for it, or choose another --out$/,
    );
    expect((await readStudy(store)).checkpoint).toBe("last");
    await release!();
    await best.save();
    expect((await readStudy(store)).checkpoint).toBe("best");
    // The first, which had read the study before, ends at its next look.
    const told = /another command has begun with --checkpoint best meanwhile; this one, with last, ends$/;
    await expect(last.save({ data: "phantom 0" })).rejects.toThrow(told);
    await expect(last.note({ row: "vgg", seed: 0 }, "finished", 1)).rejects.toThrow(told);
    await expect(last.refresh()).rejects.toThrow(told);
    await best.refresh();
    // Two that both found no study.
    const [first, second] = await Promise.all(
      (["last", "best"] as const).map((checkpoint) => StudyFolder.open(make("both"), { ...request, checkpoint }, same)),
    );
    await first!.save();
    if (_ === "in a folder") await expect(second!.save()).rejects.toThrow(/begun with --checkpoint last meanwhile/);
  });

  test("of an earlier version goes on with its way of resizing, for all its runs", async () => {
    const store = make("earlier");
    const { resize, ...older } = config;
    await (await StudyFolder.open(store, request, same)).save();
    const study = (await readJson(store, "study.json")) as object;
    await store.write("study.json", JSON.stringify({ ...study, config: older }));
    const folder = await StudyFolder.open(store, request, same);
    const rows = (["proposed", "vgg"] as const).map((row) => folder.configOf({ row, seed: 0 }).resize);
    expect([resize, ...rows]).toEqual(["pillow", "libvips", "libvips"]);
  });

  test("of other settings, of something else or of nothing that can be read is refused", async () => {
    const store = make("other");
    await (await StudyFolder.open(store, request, same)).save();
    const opening = StudyFolder.open(store, { ...request, config: { ...config, batch: 4 } }, same);
    await expect(opening).rejects.toThrow(
      new ConfigError(`the study in ${store.name} was started with 8, not 4; choose another --out`, "batch"),
    );
    const notes = make("notes");
    await notes.write("notes.txt", "mine");
    await expect(StudyFolder.open(notes, request, same)).rejects.toThrow(
      new InputError(`${notes.name}: the folder is not empty and holds no study; choose another --out`),
    );
    await notes.write("study.json", "{");
    await expect(readStudy(notes)).rejects.toThrow(`${notes.path("study.json")}: is not JSON`);
    await notes.write("study.json", '{"format":"x"}');
    await expect(readStudy(notes)).rejects.toThrow(/study\.json: is not a study file: format: /);
  });
});
