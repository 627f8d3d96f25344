import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { hostname, tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { writeWhole } from "../../src/node/files.ts";
import { awaitFolder, claimFolder, LOCK, lockFolder, unlockFolder } from "../../src/node/folder-lock.ts";
import { FolderStore } from "../../src/node/folder-store.ts";
import { FolderGoneError, HeldError } from "../../src/runs/store.ts";
import { thisProcess } from "../../src/node/process-identity.ts";

const root = mkdtempSync(path.join(tmpdir(), "mganet-lock-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let count = 0;
const folder = (): string => path.join(root, `${count++}`);

const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
});

/** A process that has taken a folder and waits for a line. */
async function holder(dir: string): Promise<ChildProcess> {
  const code = `
    import { lockFolder } from ${JSON.stringify(path.resolve("src/node/folder-lock.ts"))};
    await lockFolder(${JSON.stringify(dir)});
    process.stdin.once("data", () => process.exit(0));
    console.log("taken");`;
  const script = `${dir}.mts`;
  writeFileSync(script, code);
  const child = spawn(process.execPath, ["--import", "tsx", script], { stdio: ["pipe", "pipe", "inherit"] });
  children.push(child);
  await Promise.race([once(child.stdout, "data"), once(child, "exit")]);
  return child;
}

const owned = (dir: string) => JSON.parse(readFileSync(path.join(dir, LOCK), "utf8")) as { pid: number; host: string };

/** Whether the system says when a process has started: Linux does. */
const tellsStart = thisProcess().born !== undefined;

describe("a folder's lock", () => {
  test("keeps other processes out until its process has ended", async () => {
    const dir = folder();
    const child = await holder(dir);
    await expect(lockFolder(dir)).rejects.toThrow(
      `${dir}: process ${child.pid} is at work there; wait for it, or, if it is gone, remove ${path.join(dir, LOCK)}`,
    );
    child.stdin!.write("end\n");
    await once(child, "exit");
    expect(existsSync(path.join(dir, LOCK))).toBe(false);
    await lockFolder(dir);
    expect(owned(dir)).toEqual({
      pid: process.pid,
      host: hostname(),
      ...(existsSync("/proc/self/stat")
        ? { born: expect.stringMatching(/^[\da-f-]{36} pid:\[\d+\] \d+$/) as string }
        : {}),
      token: expect.stringMatching(/^[\da-f-]{36}$/) as string,
      leased: true,
      lease: 180,
    });
  });

  test("of a killed process is taken over", async () => {
    const dir = folder();
    const child = await holder(dir);
    child.kill("SIGKILL");
    await once(child, "exit");
    expect(owned(dir).pid).toBe(child.pid);
    await lockFolder(dir);
    expect(owned(dir).pid).toBe(process.pid);
  });

  test("is no obstacle for the process that has it", async () => {
    const dir = folder();
    await lockFolder(dir);
    await lockFolder(dir);
  });

  test("given back is free at once, and many are one listener of the process", async () => {
    const dirs = Array.from({ length: 12 }, folder);
    const before = process.listenerCount("exit");
    for (const dir of dirs) await lockFolder(dir);
    expect(process.listenerCount("exit") - before).toBeLessThanOrEqual(1);
    for (const dir of dirs) await unlockFolder(dir);
    expect(dirs.filter((dir) => existsSync(path.join(dir, LOCK)))).toEqual([]);
  });

  test("of another process is not given back", async () => {
    const dir = folder();
    const child = await holder(dir);
    await unlockFolder(dir);
    expect(owned(dir).pid).toBe(child.pid);
  });

  test.each(["", "no JSON", '{"pid": "many"}'])("that says %j belongs to nobody", async (content) => {
    const dir = folder();
    await lockFolder(dir);
    writeFileSync(path.join(dir, LOCK), content);
    await lockFolder(dir);
    expect(owned(dir).pid).toBe(process.pid);
  });

  test("of another machine is respected, since nothing is known of its processes", async () => {
    const dir = folder();
    await lockFolder(dir);
    writeFileSync(path.join(dir, LOCK), JSON.stringify({ pid: 2 ** 30, host: "elsewhere" }));
    await expect(lockFolder(dir)).rejects.toThrow(`process ${2 ** 30} on elsewhere is at work there`);
  });

  describe("with a lease", () => {
    const elsewhere = JSON.stringify({ pid: 7, host: "elsewhere", token: "theirs", leased: true });
    beforeEach(() => void vi.stubEnv("MGANET_LEASE", "0.2"));
    afterEach(() => void vi.unstubAllEnvs());

    const theirs = (more: object = {}): string => {
      const dir = folder();
      mkdirSync(dir);
      writeFileSync(path.join(dir, LOCK), JSON.stringify({ ...(JSON.parse(elsewhere) as object), ...more }));
      return dir;
    };
    const attempt = (dir: string) =>
      lockFolder(dir).then(
        () => true,
        (error: unknown) => {
          expect(error).toBeInstanceOf(HeldError);
          return false;
        },
      );

    test("of another machine is waited for: taken over if it gives no sign of life, refused if it does", async () => {
      const said: string[] = [];
      const gone = theirs();
      await awaitFolder(gone, (line) => void said.push(line));
      expect(owned(gone).pid).toBe(process.pid);
      expect(said).toEqual([`${gone}: process 7 on elsewhere was at work there; waiting 1 s for a sign of life`]);
      const alive = theirs();
      const file = path.join(alive, LOCK);
      const beat = setInterval(() => utimesSync(file, new Date(), new Date()), 20);
      try {
        await expect(awaitFolder(alive, () => {})).rejects.toThrow("process 7 on elsewhere is at work there");
        const stop = AbortSignal.abort();
        await expect(awaitFolder(theirs(), (line) => void said.push(line), stop)).rejects.toThrow(HeldError);
      } finally {
        clearInterval(beat);
      }
      expect(said.length).toBe(1);
    });

    test("of another machine is taken over when it has given no sign of life for its length, not before", async () => {
      const dir = theirs();
      const begun = performance.now();
      expect(await attempt(dir)).toBe(false);
      while (!(await attempt(dir))) await sleep(20);
      expect(performance.now() - begun).toBeGreaterThanOrEqual(200);
      expect(owned(dir).pid).toBe(process.pid);
      expect(readdirSync(dir)).toEqual([LOCK]);
    });

    test("is as long as its holder's, who may have been told of another", async () => {
      const dir = theirs({ lease: 0.6 });
      const begun = performance.now();
      const said: string[] = [];
      await awaitFolder(dir, (line) => void said.push(line));
      expect(performance.now() - begun).toBeGreaterThanOrEqual(600);
      expect(said).toEqual([`${dir}: process 7 on elsewhere was at work there; waiting 1 s for a sign of life`]);
      // One that this process's lease is longer than, and one that is none.
      for (const lease of [0.001, "soon"]) {
        const other = theirs({ lease });
        const again = performance.now();
        while (!(await attempt(other))) await sleep(20);
        expect(performance.now() - again).toBeGreaterThanOrEqual(200);
      }
    });

    test("of another machine that is gone ends the work of nobody: merge, prepare, train and the tables wait for it", async () => {
      const said: string[] = [];
      const store = new FolderStore(theirs(), (line) => void said.push(line));
      await store.lock();
      await store.unlock();
      const claimed = new FolderStore(theirs(), (line) => void said.push(line));
      await (await claimed.claim())!();
      expect(said).toHaveLength(2);
      // Without it, as where a study's workers look for work, they do not.
      expect(await new FolderStore(theirs()).claim()).toBeUndefined();
    });

    test("of another machine is respected however long its clock is behind, as long as it is touched", async () => {
      const dir = theirs();
      const [begun, hour] = [performance.now(), 3600];
      for (let beat = 0; performance.now() - begun < 500; beat++) {
        utimesSync(path.join(dir, LOCK), hour + beat, hour + beat);
        expect(await attempt(dir)).toBe(false);
        await sleep(20);
      }
    });

    test("is kept by touching it, and a holder that was taken for dead writes nothing more", async () => {
      const dir = folder();
      await lockFolder(dir);
      const file = path.join(dir, LOCK);
      const before = statSync(file).mtimeMs;
      while (statSync(file).mtimeMs === before) await sleep(20);
      writeFileSync(`${file}.new`, elsewhere);
      renameSync(`${file}.new`, file);
      const now = statSync(file).mtimeMs;
      await sleep(100); // Some beats: they go to the file that was replaced.
      expect(statSync(file).mtimeMs).toBe(now);
      await expect(writeWhole(path.join(dir, "a"), "text")).rejects.toThrow("process 7 has taken the folder");
      await unlockFolder(dir);
      expect(owned(dir).pid).toBe(7);
    });

    test("of an impossible length is refused", async () => {
      vi.stubEnv("MGANET_LEASE", "soon");
      await expect(lockFolder(folder())).rejects.toThrow("MGANET_LEASE: soon is no number of seconds above 0");
    });
  });

  test("that is claimed outlasts those within, and is free when it is given back", async () => {
    const dir = folder();
    const release = await claimFolder(dir);
    await lockFolder(dir);
    await unlockFolder(dir);
    expect(owned(dir).pid).toBe(process.pid);
    await release!();
    expect(readdirSync(dir)).toEqual([]);
    const child = await holder(dir);
    expect(await claimFolder(dir)).toBe(undefined);
    child.kill("SIGKILL");
    await once(child, "exit");
    expect(await claimFolder(dir)).toBeTypeOf("function");
  });

  test.runIf(tellsStart)("of a process whose number has been given to another one belongs to nobody", async () => {
    const dir = folder();
    mkdirSync(dir);
    const reused = { ...thisProcess(), pid: process.ppid, token: "one" };
    expect(reused.born).toMatch(/\d$/);
    writeFileSync(path.join(dir, LOCK), JSON.stringify({ ...reused, born: reused.born!.replace(/\d+$/, "1") }));
    await lockFolder(dir);
    expect(owned(dir).pid).toBe(process.pid);
    expect(readdirSync(dir)).toEqual([LOCK]);
  });

  test.runIf(tellsStart).each([
    ["of a process before the machine was started anew", (born: string) => born.replace(/^[^ ]+/, "earlier"), false],
    [
      "of a process in another container of this machine",
      (born: string) => born.replace(/pid:\[\d+\]/, "pid:[1]"),
      true,
    ],
  ])("%s", async (_, change, alive) => {
    const dir = folder();
    mkdirSync(dir);
    const { born, ...rest } = thisProcess();
    writeFileSync(path.join(dir, LOCK), JSON.stringify({ ...rest, pid: process.ppid, born: change(born!) }));
    const attempt = lockFolder(dir).then(() => owned(dir).pid);
    if (alive) await expect(attempt).rejects.toThrow("is at work there");
    else expect(await attempt).toBe(process.pid);
  });

  test("that somebody is just taking over is left to him", async () => {
    const dir = folder();
    mkdirSync(dir);
    writeFileSync(path.join(dir, LOCK), JSON.stringify({ pid: 2 ** 22 + 1, host: hostname(), token: "dead" }));
    writeFileSync(
      path.join(dir, `${LOCK}-dead`),
      JSON.stringify({ pid: process.ppid, host: hostname(), token: "his" }),
    );
    await expect(lockFolder(dir)).rejects.toThrow(`${dir}: another process has just started working there`);
    expect(owned(dir).pid).toBe(2 ** 22 + 1);
  });
});

describe("a folder that is locked", () => {
  const gone = (dir: string) => `${dir}: the folder is gone`;

  test.each([
    ["deleted", (dir: string) => rmSync(dir, { recursive: true })],
    ["moved", (dir: string) => renameSync(dir, `${dir}-moved`)],
    [
      "replaced",
      (dir: string) => {
        renameSync(dir, `${dir}-moved`);
        mkdirSync(dir);
      },
    ],
  ])("and then %s is not written to, nor made anew", async (_, change) => {
    const dir = folder();
    await lockFolder(dir);
    await writeWhole(path.join(dir, "a", "b", "first"), "1");
    change(dir);
    const before = existsSync(dir) ? readdirSync(dir) : undefined;
    for (const name of ["second", "a/b/second", "c/d/e"]) {
      const writing = writeWhole(path.join(dir, name), "2");
      await expect(writing).rejects.toThrow(FolderGoneError);
      await expect(writing).rejects.toThrow(gone(dir));
    }
    expect(existsSync(dir) ? readdirSync(dir) : undefined).toEqual(before);
    await unlockFolder(dir);
    // Given back, it is a folder like any other.
    await writeWhole(path.join(dir, "third"), "3");
  });

  test("and taken by another process is left to it", async () => {
    const dir = folder();
    await lockFolder(dir);
    writeFileSync(path.join(dir, LOCK), JSON.stringify({ pid: process.ppid, host: hostname() }));
    await expect(writeWhole(path.join(dir, "x"), "")).rejects.toThrow(`process ${process.ppid} has taken the folder`);
    await unlockFolder(dir);
    expect(owned(dir).pid).toBe(process.ppid);
  });
});
