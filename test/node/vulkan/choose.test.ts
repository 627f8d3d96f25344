import { createHash } from "node:crypto";
import { readdirSync, statSync, utimesSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { bundleFormat, type Bundle } from "../../../src/node/vulkan/bundle.mjs";
import { cacheFolder, writeAtomic } from "../../../src/node/vulkan/cache.mjs";
import { choose, probe, type Adapter, type Candidate } from "../../../src/node/vulkan/choose.mjs";
import { driverVariables, shellExports, variablesFor, type Choice } from "../../../src/node/vulkan/environment.mjs";
import { findManifests, icdFolders, softwareManifests } from "../../../src/node/vulkan/icd.mjs";
import { choiceFile, deviceNodes } from "../../../src/node/vulkan/memory.mjs";
import { obtainBundle } from "../../../src/node/vulkan/obtain.mjs";
import { osRelease, temporaryFolder, write } from "./support.ts";

const hardware: Adapter = { description: "a GPU", software: false };
const software: Adapter = { description: "lavapipe", software: true };

/** A machine in a folder, on which Dawn answers as `answer` says. Counts questions and fetches. */
function machine(answer: (candidate: Candidate) => Adapter | undefined, files: Record<string, string> = {}) {
  const root = temporaryFolder();
  write(root, { "etc/os-release": osRelease.debian12, ...files });
  const cache = path.join(root, "cache");
  const asked: string[] = [];
  const said: string[] = [];
  let fetched = 0;
  const run = (env: NodeJS.ProcessEnv = {}, fresh = false) =>
    choose({
      env: { HOME: "/home/user", ...env },
      cache,
      fresh,
      root,
      say: (text) => said.push(text),
      ask: (candidate) => {
        asked.push(candidate.kind);
        return Promise.resolve(answer(candidate));
      },
      obtain: ({ folder }) => {
        fetched++;
        const bundle = {
          folder,
          loaderFolder: "/loader",
          libraryFolder: "/lib",
          icd: "/lvp.json",
          version: "25",
          stamp: "",
        };
        return Promise.resolve(bundle satisfies Bundle);
      },
    });
  return { root, cache, asked, said, run, fetches: () => fetched };
}

describe("the choice", () => {
  test("hardware comes first, and is asked for once", async () => {
    const { run, asked, fetches } = machine(() => hardware);
    expect(await run()).toEqual({ kind: "system", libraryFolders: [], ...hardware });
    await run();
    expect(asked).toEqual(["system"]);
    expect(fetches()).toBe(0);
  });

  test("then an installed lavapipe, before another software driver", async () => {
    const { run, root } = machine(() => software, {
      "usr/share/vulkan/icd.d/a_swiftshader_icd.json": "{}",
      "usr/share/vulkan/icd.d/lvp_icd.x86_64.json": "{}",
    });
    const icd = path.join(root, "usr/share/vulkan/icd.d/lvp_icd.x86_64.json");
    expect(await run()).toMatchObject({ kind: "installed", icd });
  });

  test("an installed driver that Dawn refuses is passed over", async () => {
    const files = { "usr/share/vulkan/icd.d/lvp_icd.x86_64.json": "{}" };
    const { run, asked } = machine(({ kind }) => (kind === "unpacked" ? software : undefined), files);
    expect(await run()).toMatchObject({ kind: "unpacked", icd: "/lvp.json", libraryFolders: ["/loader", "/lib"] });
    expect(asked).toEqual(["system", "installed", "loader", "unpacked"]);
  });

  test("a GPU's driver that only lacks the loader gets the unpacked one", async () => {
    const files = { "etc/vulkan/icd.d/nvidia_icd.json": "{}" };
    const { run } = machine(({ kind }) => (kind === "loader" ? hardware : undefined), files);
    expect(await run()).toMatchObject({ kind: "loader", libraryFolders: ["/loader"] });
  });

  test("a software driver that the user names is taken", async () => {
    const { run } = machine(() => software);
    expect(await run({ VK_ICD_FILENAMES: "/my.json" })).toMatchObject({ kind: "system" });
  });

  test("one that the user names and Dawn refuses is mentioned", async () => {
    const { run, said } = machine(({ kind }) => (kind === "unpacked" ? software : undefined));
    expect(await run({ VK_ICD_FILENAMES: "/my.json" })).toMatchObject({ kind: "unpacked" });
    expect(said.join("")).toContain("/my.json");
  });

  test("is an error if Dawn refuses even the unpacked driver", async () => {
    const { run } = machine(() => undefined);
    await expect(run()).rejects.toThrow(/refuses .* Debian GNU\/Linux 12 .*Mesa 25/);
  });

  test("is made again when something changed, when asked to, and after a day", async () => {
    const { run, asked, root, cache } = machine(() => hardware);
    const questions = async (...args: Parameters<typeof run>) => {
      asked.length = 0;
      await run(...args);
      return asked.length;
    };
    expect(await questions()).toBe(1);
    expect(await questions()).toBe(0);
    expect(await questions({}, true)).toBe(1);
    expect(await questions({ LD_LIBRARY_PATH: "/x" })).toBe(1);
    write(root, { "dev/dri/renderD128": "" });
    expect(await questions()).toBe(1);
    write(root, { "usr/share/vulkan/icd.d/new_icd.json": "{}" });
    expect(await questions()).toBe(1);
    expect(await questions()).toBe(0);
    const folder = path.join(cache, "vulkan");
    const yesterday = Date.now() / 1000 - 25 * 3600;
    for (const name of readdirSync(folder)) utimesSync(path.join(folder, name), yesterday, yesterday);
    expect(await questions()).toBe(1);
    // Old ones are forgotten.
    expect(readdirSync(folder)).toHaveLength(1);
  });

  test.each(['{"kind":', "{}", "null", "[]", '"system"', '{"kind":"unpacked","libraryFolders":[],"software":true}'])(
    "a damaged record is as good as none: %s",
    async (damaged) => {
      const { run, asked, cache } = machine(() => hardware);
      await run();
      const folder = path.join(cache, "vulkan");
      for (const name of readdirSync(folder)) write(folder, { [name]: damaged });
      expect(await run()).toMatchObject({ kind: "system" });
      expect(asked).toHaveLength(2);
    },
  );

  test("an unpacked driver that has been damaged without a trace is unpacked anew, and the folder is named", async () => {
    let healed = false;
    const { run, said, cache, fetches } = machine(({ icd }) => (icd === "/lvp.json" && healed ? software : undefined));
    const folder = path.join(cache, "vulkan", `lavapipe-debian-12-${process.arch}`);
    const files = { lib: { size: 4, sha256: createHash("sha256").update("good").digest("hex") } };
    const marker = { format: bundleFormat, created: "", versions: { "mesa-vulkan-drivers": "25" }, files };
    write(folder, { lib: "evil", "bundle.json": JSON.stringify(marker) });
    const { size, mtimeMs, ctimeMs, ino } = statSync(path.join(folder, "lib"));
    write(folder, { "verified.json": JSON.stringify({ lib: [size, mtimeMs, ctimeMs, ino].join() }) });
    healed = true;
    expect(await run()).toMatchObject({ kind: "unpacked", icd: "/lvp.json" });
    expect([fetches(), said.join("")]).toEqual([1, expect.stringContaining(`${folder} is damaged`)]);
  });

  test("an unpacked driver that is whole and refused is not unpacked again", async () => {
    const { run, cache, fetches } = machine(() => undefined);
    const folder = path.join(cache, "vulkan", `lavapipe-debian-12-${process.arch}`);
    const marker = { format: bundleFormat, created: "", versions: { "mesa-vulkan-drivers": "25" }, files: {} };
    write(folder, { "bundle.json": JSON.stringify(marker) });
    await expect(run()).rejects.toThrow(`unpacked into ${folder}`);
    expect(fetches()).toBe(0);
  });

  test("a driver that an offline bundle brings is used, and nothing is fetched in its place", async () => {
    const refusing = machine(({ kind }) => (kind === "unpacked" ? software : undefined));
    const brought = path.join(refusing.root, "driver");
    const run = () => refusing.run({ MGANET_DRIVER: brought });
    await expect(run()).rejects.toThrow(`the driver in ${brought} (MGANET_DRIVER) is missing, damaged`);
    const marker = { format: bundleFormat, created: "", versions: { "mesa-vulkan-drivers": "25" }, files: {} };
    write(brought, { "bundle.json": JSON.stringify(marker) });
    expect(await run()).toMatchObject({ kind: "unpacked", icd: path.join(brought, "icd.d/lvp_icd.json") });
    const other = machine(() => undefined);
    await expect(other.run({ MGANET_DRIVER: brought })).rejects.toThrow(/does not run on Debian.*newer C library/);
    expect([refusing.fetches(), other.fetches()]).toEqual([0, 0]);
  });

  test("a cache that cannot be written is no obstacle", async () => {
    const { run, root } = machine(() => hardware);
    write(root, { cache: "a file where the folder should be" });
    expect(await run()).toMatchObject({ kind: "system" });
  });

  test("without permission to fetch, the error says so and what to install", async () => {
    const distribution = { id: "debian", like: [], version: "13", codenames: ["trixie"], name: "Debian 13" };
    const said: string[] = [];
    const say = (text: string) => void said.push(text);
    const attempt = obtainBundle({ env: { MGANET_OFFLINE: "1" }, folder: "/nowhere", distribution, say });
    await expect(attempt).rejects.toThrow(/MGANET_OFFLINE forbids.*\n.*apt install libvulkan1 mesa-vulkan-drivers/);
    expect(said).toEqual([]);
  });
});

test("a driver that is not there is no adapter, not an error", async () => {
  const nowhere: Candidate = { kind: "installed", icd: "/nowhere.json", libraryFolders: [] };
  // VK_DRIVER_FILES would win over the candidate's name in VK_ICD_FILENAMES, were it not set too.
  expect(await probe(nowhere, { ...process.env, VK_DRIVER_FILES: process.env.VK_ICD_FILENAMES })).toBeUndefined();
});

describe("installed drivers", () => {
  test("are searched for where the Vulkan loader does, the user's first", () => {
    const env = { HOME: "/home/u", XDG_DATA_DIRS: "/opt/share:relative:/usr/share", XDG_CONFIG_HOME: "" };
    expect(icdFolders(env)).toEqual(
      ["/home/u/.config", "/etc/xdg", "/etc", "/home/u/.local/share", "/opt/share", "/usr/share"].map(
        (base) => `${base}/vulkan/icd.d`,
      ),
    );
  });

  test("are manifests; those of software drivers are known by name", () => {
    const folder = temporaryFolder();
    const names = ["vk_swiftshader_icd.json", "radeon_icd.x86_64.json", "lvp_icd.x86_64.json", "readme.txt"];
    write(folder, Object.fromEntries(names.map((name) => [name, "{}"])));
    const manifests = findManifests([path.join(folder, "none"), folder]);
    expect(manifests).toHaveLength(3);
    const software = softwareManifests(manifests).map(({ file }) => path.basename(file));
    expect(software).toEqual(["lvp_icd.x86_64.json", "vk_swiftshader_icd.json"]);
  });

  test("GPU device nodes are found", () => {
    const root = temporaryFolder();
    for (const name of ["dev/nvidia0", "dev/nvidiactl", "dev/null", "dev/dri/card0", "dev/dri/by-path"])
      write(root, { [name]: "" });
    const nodes = ["dev/nvidia0", "dev/nvidiactl", "dev/dri/card0"].map((name) => path.join(root, name));
    expect(deviceNodes(root)).toEqual(nodes);
  });

  test("the record's name depends on the driver's stamp", () => {
    const state = { env: {}, root: "/", bundle: undefined };
    const file = (stamp: string) => choiceFile("/cache", { ...state, manifests: [{ file: "/a.json", stamp }] });
    expect(file("1")).toBe(file("1"));
    expect(file("1")).not.toBe(file("2"));
  });
});

describe("the environment", () => {
  const choice: Choice = { kind: "unpacked", icd: "/i.json", libraryFolders: ["/a", "/b"], ...software };

  test("leads to the driver, and keeps the library folders that were there", () => {
    expect(driverVariables(choice, { LD_LIBRARY_PATH: "/mine", VK_DRIVER_FILES: "/other.json" })).toEqual({
      VK_ICD_FILENAMES: "/i.json",
      VK_DRIVER_FILES: "/i.json",
      LD_LIBRARY_PATH: "/a:/b:/mine",
    });
  });

  test("of a software driver has threads and folders; what the user set stays", () => {
    const cache = temporaryFolder();
    const set = variablesFor(choice, {}, cache);
    expect(Number(set.LP_NUM_THREADS)).toBeGreaterThanOrEqual(2);
    expect(set).toMatchObject({
      MGANET_VULKAN: "unpacked",
      XDG_RUNTIME_DIR: path.join(cache, "runtime"),
      MESA_SHADER_CACHE_DIR: path.join(cache, "mesa"),
    });
    const env = { LP_NUM_THREADS: "1", XDG_RUNTIME_DIR: "/r", MESA_SHADER_CACHE_DIR: "/m" };
    expect(Object.keys(variablesFor(choice, env, cache)).sort()).toEqual([
      "LD_LIBRARY_PATH",
      "MGANET_VULKAN",
      "VK_ICD_FILENAMES",
    ]);
  });

  test("of a GPU is as it was", () => {
    const system: Choice = { kind: "system", libraryFolders: [], ...hardware };
    expect(variablesFor(system, {}, "/nowhere")).toEqual({ MGANET_VULKAN: "system" });
  });

  test("is quoted for the shell", () => {
    expect(shellExports({ A: "it's $HOME", B: "b" })).toBe("export A='it'\\''s $HOME'\nexport B='b'\n");
  });
});

describe("the cache", () => {
  test("is where the user says, else where the XDG specification says", () => {
    expect(cacheFolder({ MGANET_CACHE: "/c", XDG_CACHE_HOME: "/x" })).toBe("/c");
    expect(cacheFolder({ XDG_CACHE_HOME: "/x" })).toBe("/x/mganet");
    expect(cacheFolder({ XDG_CACHE_HOME: "relative" })).toMatch(/\.cache\/mganet$/);
  });

  test("files are written whole or not at all", () => {
    const folder = temporaryFolder();
    writeAtomic(path.join(folder, "a/b.json"), "1");
    write(folder, { "taken/child": "" });
    expect(() => writeAtomic(path.join(folder, "taken"), "1")).toThrow();
    expect(readdirSync(folder).sort()).toEqual(["a", "taken"]);
    expect(readdirSync(path.join(folder, "a"))).toEqual(["b.json"]);
  });
});
