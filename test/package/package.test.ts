/** What the published package asks for: who imports the core gets little, who runs the command line is told what is missing. */
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { licenceList } from "../../lint/list-licences.mjs";
import { commandLine } from "../../src/node/command-line.ts";
import { installCommand, missing, requirePackages } from "../../src/node/packages.mjs";

const root = fileURLToPath(new URL("../../", import.meta.url));
const text = (file: string) => readFileSync(path.join(root, file), "utf8");
const manifest = JSON.parse(text("package.json")) as {
  private?: boolean;
  keywords: string[];
  scripts: Record<string, string>;
} & Record<"dependencies" | "devDependencies" | "peerDependencies", Record<string, string>> & {
    peerDependenciesMeta: Record<string, { optional: boolean }>;
  };
const peers = Object.keys(manifest.peerDependencies);

/** Modules that a file imports at once, without types; or, `later`, when they are needed. */
const importsOf = (file: string, { later }: { later: boolean }): string[] => {
  const code = text(file).replace(/\/\*[^]*?\*\/|^ *\/\/.*$/gm, "");
  const atOnce = [
    ...code.matchAll(/^(?:import|export) (?!type )[^;]*?from "([^"]+)"/gm),
    ...code.matchAll(/^import "([^"]+)"/gm),
  ];
  const whenNeeded = [...code.matchAll(/(?:\bimport|\brequire)\("([^"]+)"\)/g)];
  return (later ? [...atOnce, ...whenNeeded] : atOnce).map(([, name]) => name!);
};
/** `@scope/name` or `name` of a package's file. */
const packageOf = (name: string) => /^(?:@[^/]+\/)?[^/]+/.exec(name)![0];

/** Packages that must be there for an entry to be loaded. */
function packagesOf(entry: string): string[] {
  const seen = new Set<string>();
  const found = new Set<string>();
  const visit = (file: string) => {
    if (seen.has(file)) return;
    seen.add(file);
    for (const name of importsOf(file, { later: false })) {
      if (name.startsWith(".")) visit(path.posix.join(path.posix.dirname(file), name));
      else if (!name.startsWith("node:")) found.add(packageOf(name));
    }
  };
  visit(entry);
  return [...found].sort();
}

describe("package.json", () => {
  it("can be published, with words to find it by, and runs nothing where it is installed", () => {
    expect(manifest.private).toBeUndefined();
    expect(manifest.keywords).toEqual(expect.arrayContaining(["webgpu", "ultrasound"]));
    const atInstall = ["preinstall", "install", "postinstall", "prepublish", "preprepare", "prepare", "postprepare"];
    expect(Object.keys(manifest.scripts).filter((name) => atInstall.includes(name))).toEqual([]);
  });

  it("the core and the page's entry need no package of the command line", () => {
    const own = Object.keys(manifest.dependencies);
    for (const entry of ["src/index.ts", "src/web/index.ts"]) {
      const needed = packagesOf(entry);
      expect(needed, entry).toContain("wgsl-preprocessor");
      expect(own, entry).toEqual(expect.arrayContaining(needed));
    }
    // On Node, Dawn and sharp are loaded by who uses them.
    expect(packagesOf("src/node/index.ts").filter((name) => peers.includes(name))).toEqual([]);
    expect(packagesOf("src/cli/main.ts")).toContain("commander");
  });

  it("names every package that the sources use, and none besides", () => {
    const files = ["src", "shaders"].flatMap((folder) =>
      (readdirSync(path.join(root, folder), { recursive: true }) as string[])
        .filter((file) => /\.(ts|mjs)$/.test(file))
        .map((file) => `${folder}/${file}`),
    );
    const used = files.flatMap((file) => importsOf(file, { later: true }).filter((name) => !/^(\.|node:)/.test(name)));
    const names = new Set(used.map(packageOf));
    // tsx runs the sources' threads; from a build nothing loads it. The types are what declarations refer to.
    names.delete("tsx");
    names.add("@webgpu/types");
    expect([...names].sort()).toEqual([...Object.keys(manifest.dependencies), ...peers].sort());
  });

  it("makes the command line's packages optional peers, of the versions that are tested", () => {
    for (const name of peers) {
      expect(manifest.peerDependenciesMeta[name], name).toEqual({ optional: true });
      expect(manifest.peerDependencies[name], name).toBe(`^${manifest.devDependencies[name]!}`);
    }
  });
});

describe("THIRD-PARTY.md", () => {
  it("lists what is installed (npm run docs:licences)", () => {
    expect(text("THIRD-PARTY.md")).toBe(licenceList());
  });

  it("has licences only that leave a program's own licence alone", () => {
    const rows = [...licenceList().matchAll(/^\| (\S+) \| \d\S* \| (.*) \|$/gm)].map(([, name, licence]) => [
      name!,
      licence!,
    ]);
    expect(rows.length).toBeGreaterThan(50);
    const free =
      /^(0BSD|Apache-2\.0|BSD-[23]-Clause|ISC|MIT|Unlicense|\(MIT AND Zlib\)|\(Apache-2\.0 AND BSD-3-Clause\))$/;
    // libvips is a library beside sharp, which everybody can replace.
    const others = rows.filter(([name, licence]) => !free.test(licence!) && !/^@img\/sharp-/.test(name!));
    expect(others).toEqual([]);
  });
});

describe("a package that is missing", () => {
  const without = (...names: string[]) => ({ isAbsent: (name: string) => names.includes(name) });

  it("is told in one sentence, with the command that installs it", () => {
    const version = manifest.devDependencies["sharp"]!;
    expect(() => requirePackages({ adapter: false, ...without("sharp") })).toThrow(
      `the command line needs the package sharp beyond the library's own; install it with:  npm install sharp@${version}`,
    );
    expect(() => requirePackages({ adapter: true, ...without(...peers) })).toThrow(
      `needs ${peers.length} packages beyond the library's own; install them with:  ${installCommand(peers)}`,
    );
  });

  it("stops no command that does not load it", () => {
    expect(() => requirePackages({ adapter: false, ...without("webgpu", "dcmjs-codecs") })).not.toThrow();
    expect(() => requirePackages({ adapter: true, ...without("dcmjs-codecs") })).not.toThrow();
    expect(() => requirePackages({ adapter: true, ...without("webgpu") })).toThrow(/webgpu@/);
    expect(() => requirePackages({ adapter: true })).not.toThrow();
    // `mganet env` is for who has the library and Dawn alone.
    expect(() => requirePackages({ adapter: true, of: ["webgpu"], ...without("sharp") })).not.toThrow();
    expect(() => requirePackages({ adapter: true, of: ["webgpu"], ...without("webgpu") })).toThrow(/webgpu@/);
  });

  it("is found to be so, and others are not", () => {
    expect(missing("no-such-package")).toMatch(
      /^the package no-such-package is not installed; install it with: {2}npm/,
    );
    for (const name of peers) expect(missing(name), name).toBeUndefined();
  });
});

describe("commands in messages", () => {
  const here = { checkout: true, root: "/work/net", cwd: "/work/net", program: undefined };

  it("are npm's scripts in the repository, where there is one of that name", () => {
    expect(commandLine("train", "--resume DIR", here)).toBe("npm run train -- --resume DIR");
    expect(commandLine("tune", "", here)).toBe("npm run tune");
    expect(commandLine("study work", "DIR", here)).toBe("npx mganet study work DIR");
    expect(commandLine("train", "--resume DIR", { ...here, cwd: "/work" })).toBe(
      "node net/bin/mganet.mjs train --resume DIR",
    );
  });

  it("are the package's where it is installed, and the launcher's in an offline bundle", () => {
    expect(commandLine("train", "--resume DIR", { ...here, checkout: false })).toBe("npx mganet train --resume DIR");
    expect(commandLine("report", "DIR", { ...here, program: "./mganet" })).toBe("./mganet report DIR");
  });

  it("are written by no message itself", () => {
    const files = (readdirSync(path.join(root, "src"), { recursive: true }) as string[]).filter((f) =>
      /\.(ts|mjs)$/.test(f),
    );
    const found = files.filter((file) => {
      const code = text(`src/${file}`).replace(/\/\*[^]*?\*\/|\/\/.*$/gm, "");
      return /npm run |npx mganet/.test(code) && file !== path.join("node", "command-line.ts");
    });
    expect(found).toEqual([]);
  });
});
