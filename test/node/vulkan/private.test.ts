import { chmodSync, chownSync, mkdirSync, statSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { openCache } from "../../../src/node/vulkan/private.mjs";
import { temporaryFolder, write } from "./support.ts";

const mode = (file: string) => statSync(file).mode & 0o777;

describe.runIf(process.getuid)("the cache folder", () => {
  test("is made for its user alone, with the folders that lead to it", () => {
    const cache = path.join(temporaryFolder(), "a", "cache");
    openCache(cache);
    expect([mode(cache), mode(path.dirname(cache))]).toEqual([0o700, 0o700]);
    openCache(cache);
  });

  /** A cache as a run leaves it, with one thing changed. */
  const used = (change: (at: (name: string) => string) => void) => {
    const cache = path.join(temporaryFolder(), "cache");
    openCache(cache);
    const files = ["vulkan/choice-1.json", "vulkan/lavapipe-x/lib/libvulkan_lvp.so", "vulkan/lavapipe-x/bundle.json"];
    for (const name of [...files, "mesa/0a/0b", "tuning/x.json"]) write(cache, { [name]: "" });
    change((name) => path.join(cache, name));
    return cache;
  };

  test("that others cannot write to is taken, whatever they can read", () => {
    expect(() => openCache(used((at) => chmodSync(at(""), 0o755)))).not.toThrow();
  });

  test.each([
    ["", 0o777],
    ["", 0o770],
    ["mesa", 0o777],
    ["vulkan", 0o777],
    ["vulkan/choice-1.json", 0o666],
    ["vulkan/lavapipe-x", 0o777],
    ["vulkan/lavapipe-x/lib", 0o777],
    ["vulkan/lavapipe-x/lib/libvulkan_lvp.so", 0o666],
  ])("with %j of mode %o is refused", (name, permissions) => {
    let file = "";
    const cache = used((at) => chmodSync((file = path.resolve(at(name))), permissions));
    expect(() => openCache(cache)).toThrow(`${file} can be written by other users (mode ${permissions.toString(8)})`);
    expect(() => openCache(cache)).toThrow(/Remove the cache folder, chmod go-w .* MGANET_CACHE=DIR/);
  });

  test("in a folder where everyone may rename it is refused, but not where only its owner may", () => {
    const parent = path.join(temporaryFolder(), "parent");
    mkdirSync(parent);
    chmodSync(parent, 0o777);
    expect(() => openCache(path.join(parent, "cache"))).toThrow(`${parent} can be written by other users`);
    chmodSync(parent, 0o1777);
    expect(() => openCache(path.join(parent, "cache"))).not.toThrow();
  });

  test("of another user is refused", () => {
    const cache = used(() => {});
    const owner = statSync(cache).uid;
    // Root's own are taken, since root can do everything anyway; where the test runs as root, it gives the folder away.
    if (owner === 0) chownSync(cache, 1234, 1234);
    const now = owner === 0 ? 1234 : owner;
    expect(() => openCache(cache, now + 1)).toThrow(`belongs to another user (id ${now})`);
    expect(() => openCache(cache, now)).not.toThrow();
  });

  test("that cannot be made is no obstacle", () => {
    const folder = temporaryFolder();
    write(folder, { file: "" });
    expect(() => openCache(path.join(folder, "file"))).not.toThrow();
  });
});
