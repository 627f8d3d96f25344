import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, truncateSync, utimesSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { readBundle } from "../../../src/node/vulkan/bundle.mjs";
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
      10_000,
    );
    await sleep(200);
    child.kill("SIGINT");
    expect((await once(child, "exit"))[1]).toBe("SIGINT");
    expect(readdirSync(parent)).toEqual([]);
  });

  test("finds what a faster process has made in the meantime", async () => {
    const parent = temporaryFolder();
    const bundle = path.join(parent, "bundle");
    const marker = JSON.stringify({ format: 1, created: "now", versions: {}, files: {} });
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
    truncateSync(path.join(stage, "lib/libvulkan_lvp.so"), 100);
    expect(readBundle(stage)).toBeUndefined();
  });

  test("needs its packages to hold a driver", async () => {
    const root = temporaryFolder();
    write(root, { "usr/share/vulkan/icd.d/lvp_icd.json": "{}" });
    await expect(assemble(root, path.join(root, "stage"), {})).rejects.toThrow(/no file like .*libvulkan_lvp/);
  });
});
