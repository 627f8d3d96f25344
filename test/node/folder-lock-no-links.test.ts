/** Locks on file systems without hard links, such as FAT. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeEach, expect, test, vi } from "vitest";
import { LOCK, lockFolder, unlockFolder } from "../../src/node/folder-lock.ts";

let code = "EPERM";
vi.mock("node:fs/promises", async (original) => ({
  ...(await original<typeof import("node:fs/promises")>()),
  link: () => Promise.reject(Object.assign(new Error("no links"), { code })),
}));

const root = mkdtempSync(path.join(tmpdir(), "mganet-no-links-"));
afterAll(() => rmSync(root, { recursive: true }));
let dir: string;
beforeEach(() => {
  dir = mkdtempSync(path.join(root, "d"));
});
const pidIn = (file: string) => (JSON.parse(readFileSync(file, "utf8")) as { pid: number }).pid;

test.each(["EPERM", "ENOTSUP", "ENOSYS"])(
  "a folder is taken and given back where linking fails with %s",
  async (given) => {
    code = given;
    await lockFolder(dir);
    expect(readdirSync(dir)).toEqual([LOCK]);
    expect(pidIn(path.join(dir, LOCK))).toBe(process.pid);
    await unlockFolder(dir);
    expect(readdirSync(dir)).toEqual([]);
  },
);

test("a dead lock is taken over, a living one respected", async () => {
  const file = path.join(dir, LOCK);
  writeFileSync(file, JSON.stringify({ pid: 2 ** 22 + 1, host: hostname() }));
  await lockFolder(dir);
  expect(pidIn(file)).toBe(process.pid);
  await unlockFolder(dir);
  writeFileSync(file, JSON.stringify({ pid: process.ppid, host: hostname() }));
  await expect(lockFolder(dir)).rejects.toThrow(`process ${process.ppid} is at work there`);
});

test("a lock that is just being written is waited for", async () => {
  const file = path.join(dir, LOCK);
  writeFileSync(file, "");
  const attempt = lockFolder(dir);
  await sleep(60);
  writeFileSync(file, JSON.stringify({ pid: process.ppid, host: hostname() }));
  await expect(attempt).rejects.toThrow(/is at work there/);
});

test("any other failure is told, with the file", async () => {
  code = "EIO";
  mkdirSync(path.join(dir, "x"));
  await expect(lockFolder(path.join(dir, "x"))).rejects.toThrow(/x\/\.mganet-lock: cannot be written: no links/);
  expect(readdirSync(path.join(dir, "x"))).toEqual([]);
});
