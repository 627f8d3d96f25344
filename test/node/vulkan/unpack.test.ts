import { spawn } from "node:child_process";
import { once } from "node:events";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync, truncateSync, utimesSync, writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { bundleFormat, readBundle } from "../../../src/node/vulkan/bundle.mjs";
import { run } from "../../../src/node/vulkan/run.mjs";
import { assemble, sweep, unpackLavapipe } from "../../../src/node/vulkan/unpack.mjs";
import { fakeTools, temporaryFolder, write } from "./support.ts";

const plan = { architecture: "amd64", sources: [], release: undefined };

function usePath(...folders: string[]): void {
  vi.stubEnv("PATH", [...folders, process.env.PATH].join(":"));
  onTestFinished(() => void vi.unstubAllEnvs());
}

describe.runIf(process.platform === "linux")("unpacking", () => {
  test("that fails leaves nothing, and tells apt's complaint", async () => {
    usePath(fakeTools({ "apt-get": 'echo "E: Failed to fetch InRelease  Could not connect" >&2; exit 100' }));
    const parent = temporaryFolder();
    await expect(unpackLavapipe(path.join(parent, "bundle"), plan)).rejects.toThrow(
      "apt-get update failed: E: Failed to fetch InRelease  Could not connect",
    );
    expect(readdirSync(parent)).toEqual([]);
  });

  test("that breaks off in the middle leaves nothing", async () => {
    // The packages do come, but are no packages.
    const apt = `case "$*" in
      *--simulate*) echo "Inst libvulkan1 (1.3 Debian [amd64])" ;;
      *download*) echo half > libvulkan1.deb ;;
    esac`;
    usePath(fakeTools({ "apt-get": apt }));
    const parent = temporaryFolder();
    await expect(unpackLavapipe(path.join(parent, "bundle"), plan)).rejects.toThrow(/dpkg-deb libvulkan1.deb failed/);
    expect(readdirSync(parent)).toEqual([]);
  });

  test("that is interrupted clears away and ends by the signal", async () => {
    const parent = temporaryFolder();
    const tools = fakeTools({ "apt-get": "exec sleep 60" });
    const module = path.resolve("src/node/vulkan/unpack.mjs");
    const code = `import(${JSON.stringify(module)}).then((m) => m.unpackLavapipe(${JSON.stringify(path.join(parent, "bundle"))}, ${JSON.stringify(plan)}))`;
    const child = spawn(process.execPath, ["-e", code], {
      env: { ...process.env, PATH: `${tools}:${process.env.PATH}` },
      stdio: "ignore",
    });
    await vi.waitUntil(
      () => readdirSync(parent).some((name) => existsSync(path.join(parent, name, "apt.conf"))),
      600_000,
    );
    await sleep(200);
    child.kill("SIGINT");
    expect((await once(child, "exit"))[1]).toBe("SIGINT");
    expect(readdirSync(parent)).toEqual([]);
  });

  test("finds what a faster process has made in the meantime", async () => {
    const parent = temporaryFolder();
    const bundle = path.join(parent, "bundle");
    const marker = JSON.stringify({ format: bundleFormat, created: "now", versions: {}, files: {} });
    usePath(fakeTools({ "apt-get": `mkdir ${bundle}; echo '${marker}' > ${bundle}/bundle.json; exit 1` }));
    expect(await unpackLavapipe(bundle, plan)).toMatchObject({ folder: bundle, stamp: "now" });
  });

  test("what killed processes left behind is swept up, what others work on is not", () => {
    const parent = temporaryFolder();
    const old = new Date(Date.now() - 2 * 3600e3);
    for (const name of [".tmp-999999999-a", `.tmp-${process.pid}-b`, ".tmp-999999998-c", "bundle"]) {
      write(parent, { [`${name}/file`]: "" });
      if (!name.endsWith("c")) utimesSync(path.join(parent, name), old, old);
    }
    sweep(parent);
    expect(readdirSync(parent).sort()).toEqual([".tmp-999999998-c", `.tmp-${process.pid}-b`, "bundle"].sort());
  });
});

describe.runIf(process.platform === "linux")("a bundle", () => {
  test("holds the driver and what it needs, and a damaged one is noticed", async () => {
    // Any library with none but base libraries below it can play the driver.
    const { stdout } = await run("ldd", [process.execPath]);
    const library = /libstdc\+\+\S* => (\S+)/.exec(stdout)?.[1];
    if (!library) return; // A Node that is linked statically.
    const root = temporaryFolder();
    write(root, {
      "usr/share/vulkan/icd.d/lvp_icd.x86_64.json": '{"ICD":{"library_path":"/usr/lib/libvulkan_lvp.so"}}',
    });
    write(root, { "usr/lib/x/readme": "" });
    await run("cp", ["-L", library, path.join(root, "usr/lib/x/libvulkan_lvp.so")]);
    await run("cp", ["-L", library, path.join(root, "usr/lib/x/libvulkan.so.1")]);

    const stage = path.join(temporaryFolder(), "stage");
    await assemble(root, stage, { "mesa-vulkan-drivers": "25.0.7" });
    expect(readBundle(stage)).toMatchObject({ version: "25.0.7", icd: path.join(stage, "icd.d/lvp_icd.json") });
    expect(readdirSync(path.join(stage, "lib"))).toEqual(["libvulkan_lvp.so"]);
    const driver = path.join(stage, "lib/libvulkan_lvp.so");
    const whole = readFileSync(driver);
    const { atime, mtime } = statSync(driver);
    const damaged = Buffer.from(whole);
    damaged[1000]! ^= 1;
    writeFileSync(driver, damaged);
    utimesSync(driver, atime, mtime); // Of the same size and time.
    expect(readBundle(stage)).toBeUndefined();
    writeFileSync(driver, whole);
    expect(readBundle(stage)).toBeDefined();
    truncateSync(driver, 100);
    expect(readBundle(stage)).toBeUndefined();
  });

  test("that a disk has changed without a trace is noticed where sums are made again", () => {
    const folder = temporaryFolder();
    const files = { lib: { size: 4, sha256: createHash("sha256").update("good").digest("hex") } };
    const versions = { "mesa-vulkan-drivers": "25" };
    write(folder, {
      lib: "good",
      "bundle.json": JSON.stringify({ format: bundleFormat, created: "", versions, files }),
    });
    expect(readBundle(folder)).toBeDefined();
    const verified = JSON.parse(readFileSync(path.join(folder, "verified.json"), "utf8")) as Record<string, string>;
    writeFileSync(path.join(folder, "lib"), "evil");
    const { size, mtimeMs, ctimeMs, ino } = statSync(path.join(folder, "lib"));
    expect(Object.keys(verified)).toEqual(["lib"]);
    write(folder, { "verified.json": JSON.stringify({ lib: [size, mtimeMs, ctimeMs, ino].join() }) });
    expect(readBundle(folder)).toBeDefined();
    expect(readBundle(folder, { thorough: true })).toBeUndefined();
  });

  test("needs its packages to hold a driver", async () => {
    const root = temporaryFolder();
    write(root, { "usr/share/vulkan/icd.d/lvp_icd.json": "{}" });
    await expect(assemble(root, path.join(root, "stage"), {})).rejects.toThrow(/no file like .*libvulkan_lvp/);
  });
});
