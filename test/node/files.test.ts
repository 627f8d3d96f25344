import { spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { describe, expect, test } from "vitest";
import {
  InputError,
  MOST_BYTES,
  readInput,
  removeDeadLeftovers,
  removeLeftovers,
  requireWritableFile,
  temporaryIn,
  requireWritableFolder,
  writeTogether,
  writeWhole,
} from "../../src/node/files.ts";
import { DataError } from "../../src/data/sample.ts";
import { readImage } from "../../src/node/data/picture-file.ts";
import { temporaryFolder } from "./data/images.ts";

const dir = temporaryFolder();
const at = (...names: string[]) => path.join(dir, ...names);
writeFileSync(at("file"), "old");
mkdirSync(at("folder"));

const refusal = async (promise: Promise<unknown>): Promise<string> => {
  const error: unknown = await promise.catch((e: unknown) => e);
  expect(error).toBeInstanceOf(InputError);
  expect((error as Error).message).not.toContain("\n");
  return (error as Error).message;
};

describe("writeWhole", () => {
  test("makes folders, replaces files and leaves nothing beside them", async () => {
    await writeWhole(at("a", "b", "c.json"), "1");
    await writeWhole(at("a", "b", "c.json"), Uint8Array.of(50));
    expect(readFileSync(at("a", "b", "c.json"), "utf8")).toBe("2");
    expect(readdirSync(at("a", "b"))).toEqual(["c.json"]);
    await writeWhole(at("a", `${"é".repeat(120)}.json`), "");
    expect(readdirSync(at("a")).length).toBe(2);
  });

  test("says what it cannot write and why, and leaves the old file", async () => {
    expect(await refusal(writeWhole(at("folder"), ""))).toBe(
      `${at("folder")}: cannot be written: is a folder, not a file`,
    );
    expect(await refusal(writeWhole(at("file", "x"), ""))).toMatch(
      /file.x: cannot be written: is a file, not a folder$/,
    );
    expect(await refusal(writeWhole(at("n".repeat(300)), ""))).toMatch(/cannot be written: the name is too long$/);
    expect(readdirSync(dir).sort()).toEqual(["a", "file", "folder"]);
  });

  test("writes to what a link points at instead of replacing the link, as with /dev/stdout", async () => {
    symlinkSync(at("file"), at("link"));
    await writeWhole(at("link"), "new");
    expect(lstatSync(at("link")).isSymbolicLink()).toBe(true);
    expect(readFileSync(at("file"), "utf8")).toBe("new");
  });

  test.runIf(process.platform === "linux")("leaves the old file and no other when the disk is full", () => {
    // A limit on the size of files stands for the full disk; the unit is 512 or 1024 bytes.
    const files = pathToFileURL(path.resolve("src/node/files.ts")).href;
    const code = `
      import { writeWhole } from ${JSON.stringify(files)};
      await writeWhole(process.argv[1], new Uint8Array(3e6)).catch((e) => console.log(e.name, e.message));`;
    writeFileSync(at("folder", "last"), "old");
    const limited = ["-c", 'ulimit -f 2000; exec "$0" "$@"', process.execPath];
    const args = ["--import", import.meta.resolve("tsx"), "--input-type=module", "-e", code, at("folder", "last")];
    const { stdout } = spawnSync("sh", [...limited, ...args], { encoding: "utf8" });
    expect(stdout).toBe(`InputError ${at("folder", "last")}: cannot be written: the file is larger than allowed\n`);
    expect(readdirSync(at("folder"))).toEqual(["last"]);
    expect(readFileSync(at("folder", "last"), "utf8")).toBe("old");
  });
});

test("writeTogether changes no file if one of them cannot be written", async () => {
  mkdirSync(at("together"));
  const [a, b] = [at("together", "a"), at("together", "b")];
  await writeTogether(new Map([[a, "1"], [b, "1"]])); // prettier-ignore
  const broken = new Map([[a, "2"], [at("together", "none", "c"), "2"]]); // prettier-ignore
  expect(await refusal(writeTogether(broken))).toBe(
    `${at("together", "none", "c")}: cannot be written: no such file or folder`,
  );
  expect([a, b].map((file) => readFileSync(file, "utf8"))).toEqual(["1", "1"]);
  expect(readdirSync(at("together")).sort()).toEqual(["a", "b"]);
});

test("what is not writable is known beforehand, and nothing is made", async () => {
  await requireWritableFile(at("new", "folders", "x.json"));
  await requireWritableFile(at("file"));
  await requireWritableFolder(at("new"));
  await requireWritableFolder(dir);
  expect(await refusal(requireWritableFile(at("folder")))).toBe(`${at("folder")}: is a folder, not a file`);
  expect(await refusal(requireWritableFile(at("file", "x")))).toBe(`${at("file", "x")}: ${at("file")} is not a folder`);
  expect(await refusal(requireWritableFolder(at("file")))).toBe(`${at("file")}: is not a folder`);
  expect(readdirSync(dir)).not.toContain("new");
});

test("removeLeftovers takes the temporary files of writeWhole only", async () => {
  mkdirSync(at("run"));
  for (const name of [".mganet-12-3.tmp", "last.safetensors", ".mganet-x.tmp", "a.tmp"])
    writeFileSync(at("run", name), "");
  await removeLeftovers(at("run"));
  expect(readdirSync(at("run")).sort()).toEqual([".mganet-x.tmp", "a.tmp", "last.safetensors"]);
});

test("removeDeadLeftovers leaves what a live process, or one of another machine, may be writing", async () => {
  mkdirSync(at("shared"));
  const own = path.basename(temporaryIn(at("shared")));
  const { pid } = spawnSync("true");
  const dead = own.replace(/-\d+/, `-${pid}`);
  const elsewhere = dead.replace(/-[\da-f]{8}-/, "-0badcafe-");
  const old = elsewhere.replace("-0-", "-1-");
  for (const name of [own, dead, elsewhere, old, "study.json"]) writeFileSync(at("shared", name), "");
  utimesSync(at("shared", old), 1e9, 1e9);
  await removeDeadLeftovers(at("shared"));
  expect(readdirSync(at("shared")).sort()).toEqual([own, elsewhere, "study.json"].sort());
});

test("readInput names the file and the reason", async () => {
  expect(await refusal(readInput(at("missing")))).toBe(`${at("missing")}: no such file or folder`);
  expect(await refusal(readInput(at("folder")))).toBe(`${at("folder")}: is a folder, not a file`);
  expect(await refusal(readInput(at("file", "x")))).toBe(`${at("file", "x")}: is not a folder`);
});

describe("reading takes regular files only, before it opens them", () => {
  const special = process.platform === "win32" ? test.skip : test;

  special("a pipe that nobody writes to, a device without end, a socket", async () => {
    expect(spawnSync("mkfifo", [at("pipe.png")]).status).toBe(0);
    symlinkSync(at("pipe.png"), at("link.png"));
    for (const name of ["pipe.png", "link.png"]) {
      expect(await refusal(readInput(at(name)))).toBe(`${at(name)}: is a pipe, not a file`);
      await expect(readImage(at(name))).rejects.toThrow(new DataError("cannot be read: is a pipe, not a file"));
    }
    expect(await refusal(readInput("/dev/zero"))).toBe("/dev/zero: is a device, not a file");
    await expect(readImage(at("folder"))).rejects.toThrow(new DataError("cannot be read: is a folder, not a file"));
    const server = createServer().listen(at("socket"));
    await once(server, "listening");
    expect(await refusal(readInput(at("socket")))).toBe(`${at("socket")}: is a socket, not a file`);
    server.close();
  });

  test("a link to a file is that file; an empty one is empty", async () => {
    symlinkSync(at("file"), at("linked"));
    expect(String(await readInput(at("linked")))).toBe(String(readFileSync(at("file"))));
    writeFileSync(at("empty"), "");
    expect((await readInput(at("empty"))).length).toBe(0);
  });

  test("up to a size: a file of gigabytes, most of them holes, is refused at once", async () => {
    writeFileSync(at("huge"), "");
    truncateSync(at("huge"), 2 ** 40);
    expect(await refusal(readInput(at("huge")))).toMatch(
      /huge: has 1048576 MiB: more than the 2048 MiB that are read$/,
    );
    expect(await refusal(readInput(at("huge"), MOST_BYTES.text))).toMatch(/more than the 128 MiB that are read$/);
    writeFileSync(at("three"), "abc");
    expect(String(await readInput(at("three"), 3))).toBe("abc");
    expect(await refusal(readInput(at("three"), 2))).toMatch(/more than the 1 MiB that are read$/);
  });

  special("files of /proc, which say that they have no size, are read whole", async () => {
    if (existsSync("/proc/self/status")) expect(String(await readInput("/proc/self/status"))).toMatch(/^Name:/);
  });
});
