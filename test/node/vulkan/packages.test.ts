import { describe, expect, test } from "vitest";
import { parseSimulation, planPackages } from "../../../src/node/vulkan/apt.mjs";
import {
  formatSources,
  parseDeb822,
  parseOneLine,
  readSources,
  selectSources,
} from "../../../src/node/vulkan/apt-sources.mjs";
import { parseLdd } from "../../../src/node/vulkan/closure.mjs";
import { installHint, parseOsRelease, readDistribution, suitesOf } from "../../../src/node/vulkan/distribution.mjs";
import { fakeTools, osRelease, temporaryFolder, write } from "./support.ts";

describe("the distribution", () => {
  test("is read from os-release, from the second place if the first is not there", () => {
    const root = temporaryFolder();
    expect(readDistribution(root)).toMatchObject({ id: "linux", codenames: [] });
    write(root, { "usr/lib/os-release": osRelease.debian13 });
    expect(readDistribution(root).version).toBe("13");
    write(root, { "etc/os-release": osRelease.debian12 });
    expect(readDistribution(root)).toEqual({
      id: "debian",
      like: [],
      version: "12",
      codenames: ["bookworm"],
      name: "Debian GNU/Linux 12 (bookworm)",
    });
  });

  test("quotes, escapes and comments of os-release are understood", () => {
    expect(parseOsRelease(`# a comment\nNAME='a b'\nID=x\nPRETTY_NAME="c \\"d\\" \\$e"\n`)).toMatchObject({
      id: "x",
      name: 'c "d" $e',
    });
  });

  test("a derivative knows the archive of its parent by name", () => {
    expect(parseOsRelease(osRelease.mint)).toMatchObject({ codenames: ["wilma", "noble"], like: ["ubuntu", "debian"] });
  });

  test.each([
    ["debian12", { codenames: ["bookworm"], backports: "bookworm-backports" }],
    ["debian13", { codenames: ["trixie"], backports: undefined }],
    ["sid", { codenames: ["forky", "testing", "sid", "unstable"], backports: undefined }],
    ["ubuntu", { codenames: ["noble"], backports: undefined }],
  ] as const)("%s: which suites", (name, suites) => {
    expect(suitesOf(parseOsRelease(osRelease[name]))).toEqual(suites);
  });

  test("the hint names a command of the distribution", () => {
    const hint = (text: string) => installHint(parseOsRelease(text));
    expect(hint(osRelease.debian12)).toContain("apt install -t bookworm-backports");
    expect(hint(osRelease.mint)).toContain("apt install libvulkan1");
    expect(hint(osRelease.fedora)).toContain("dnf install");
    expect(hint("")).toContain("your distribution");
  });
});

const mirror = "http://mirror.example/debian";

describe("apt's sources", () => {
  test("one-line format", () => {
    const text = `
# deb http://off.example/debian bookworm main
deb-src ${mirror} bookworm main
deb ${mirror} bookworm main contrib # the mirror
deb [arch=amd64 signed-by=/etc/key.gpg,/etc/key2.gpg trusted=yes] ${mirror} bookworm-updates main`;
    expect(parseOneLine(text)).toEqual([
      {
        uris: [mirror],
        suites: ["bookworm"],
        components: ["main", "contrib"],
        signedBy: undefined,
        trusted: undefined,
      },
      {
        uris: [mirror],
        suites: ["bookworm-updates"],
        components: ["main"],
        signedBy: "/etc/key.gpg /etc/key2.gpg",
        trusted: "yes",
      },
    ]);
  });

  test("deb822 format, with a key of several lines, and what is switched off left out", () => {
    const key = "\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n mQINB\n -----END PGP PUBLIC KEY BLOCK-----";
    const text = `Types: deb deb-src
# a comment in between
URIs: ${mirror}
Suites: bookworm
 bookworm-updates
Components: main
Signed-By:${key}

Enabled: no
Types: deb
URIs: ${mirror}
Suites: sid
Components: main
`;
    const [source, ...others] = parseDeb822(text);
    expect(others).toEqual([]);
    expect(source).toEqual({
      uris: [mirror],
      suites: ["bookworm", "bookworm-updates"],
      components: ["main"],
      signedBy: key,
      trusted: undefined,
    });
    // What is written reads back as what was read.
    expect(parseDeb822(formatSources([source!], "amd64"))).toEqual([source]);
  });

  test("all files of the folder are read, by their format; others are not", () => {
    const folder = temporaryFolder();
    expect(readSources(folder)).toEqual([]);
    write(folder, {
      "sources.list": `deb ${mirror} a main`,
      "sources.list.d/b.list": `deb ${mirror} b main`,
      "sources.list.d/c.sources": `Types: deb\nURIs: ${mirror}\nSuites: c\nComponents: main\n`,
      "sources.list.d/d.list.save": `deb ${mirror} d main`,
    });
    expect(readSources(folder).flatMap((source) => source.suites)).toEqual(["a", "b", "c"]);
  });

  const bookworm = suitesOf(parseOsRelease(osRelease.debian12));

  test("third parties are left out, backports are added from the system's own mirror", () => {
    const sources = parseOneLine(
      `deb ${mirror} bookworm main contrib\ndeb http://third.example/apt bookworm nonfree\ndeb http://other.example x main`,
    );
    const selected = selectSources(sources, bookworm, "debian");
    expect(selected.map(({ uris, suites, components }) => [uris, suites, components])).toEqual([
      [[mirror], ["bookworm"], ["main"]],
      [[mirror], ["bookworm-backports"], ["main"]],
    ]);
  });

  test("backports that are there are not added again", () => {
    const sources = parseOneLine(`deb ${mirror} bookworm main\ndeb http://bp.example/debian bookworm-backports main`);
    expect(selectSources(sources, bookworm, "debian").flatMap((source) => source.suites)).toEqual([
      "bookworm",
      "bookworm-backports",
    ]);
  });

  test("a Debian without sources uses Debian's public archive; another distribution has none", () => {
    const selected = selectSources([], bookworm, "debian");
    expect(selected.flatMap((source) => source.suites)).toEqual(["bookworm", "bookworm-backports"]);
    expect(selectSources([], suitesOf(parseOsRelease(osRelease.ubuntu)), "ubuntu")).toEqual([]);
  });

  test("a plan says in words why there is none", () => {
    const PATH = fakeTools({ "apt-get": "", "dpkg-deb": "", ldd: "" });
    const fedora = parseOsRelease(osRelease.fedora);
    expect(() => planPackages(fedora, { PATH: temporaryFolder() })).toThrow("there is no apt-get here");
    expect(() => planPackages(fedora, { PATH }, temporaryFolder())).toThrow(
      "do not name the packages of Fedora Linux 42",
    );
  });
});

test("of a simulated installation, libraries are fetched, but never the C and C++ runtime", () => {
  const simulation = `NOTE: This is only a simulation!
Inst gcc-12-base (12.2.0-14 Debian:12/oldstable [amd64])
Inst libgcc-s1 (12.2.0-14 Debian:12/oldstable [amd64]) []
Inst libc6 (2.36-9 Debian:12/oldstable [amd64])
Inst libdrm-common (2.4.123 Debian Backports:oldstable-backports [all])
Inst zlib1g (1:1.2.13 Debian:12/oldstable [amd64])
Inst libstdc++6 (12.2.0-14 Debian:12/oldstable [amd64])
Inst python3-minimal (3.11 Debian:12/oldstable [amd64])
Inst libllvm15 (1:15.0.6-4+b1 Debian:12/oldstable [amd64])
Inst mesa-vulkan-drivers (25.0.7-2~bpo12+1 Debian Backports:oldstable-backports [amd64])
Conf libc6 (2.36-9 Debian:12/oldstable [amd64])`;
  expect([...parseSimulation(simulation)]).toEqual([
    ["zlib1g", "1:1.2.13"],
    ["libllvm15", "1:15.0.6-4+b1"],
    ["mesa-vulkan-drivers", "25.0.7-2~bpo12+1"],
  ]);
});

test("ldd's output: paths, what is missing, the C and C++ runtime left out", () => {
  const { found, missing } = parseLdd(`\tlinux-vdso.so.1 (0x00007ffc)
\tlibLLVM-15.so.1 => /a b/libLLVM-15.so.1 (0x00007f4e)
\tlibgone.so.3 => not found
\tlibstdc++.so.6 => /lib/libstdc++.so.6 (0x00007f4d)
\tlibm.so.6 => /lib/libm.so.6 (0x00007f4d)
\tlibmd.so.0 => /lib/libmd.so.0 (0x00007f4d)
\t/lib64/ld-linux-x86-64.so.2 (0x00007f51)`);
  expect([...found]).toEqual([
    ["libLLVM-15.so.1", "/a b/libLLVM-15.so.1"],
    ["libmd.so.0", "/lib/libmd.so.0"],
  ]);
  expect(missing).toEqual(["libgone.so.3"]);
});
