/** Only Dawn's warnings about limits are filtered from a program's output. */
import { spawnSync } from "node:child_process";
import path from "node:path";
import { text } from "node:stream/consumers";
import { pathToFileURL } from "node:url";
import { describe, expect, test } from "vitest";
import { withoutDawnWarnings } from "../../../src/node/vulkan/dawn-warnings.mjs";
import { temporaryFolder, write } from "./support.ts";

const warning = (kind = "Uniform", rest = "") =>
  `Warning: maxDynamic${kind}BuffersPerPipelineLayout artificially reduced from 1000000 to 16 to fit dynamic offset allocation limit.${rest}`;

describe("the filter", () => {
  const filtered = async (bytes: Buffer, size: number) => {
    const filter = withoutDawnWarnings();
    for (let at = 0; at < bytes.length; at += size) filter.write(bytes.subarray(at, at + size));
    filter.end();
    return text(filter);
  };

  test.each([1, 7, 1000])("passes everything else on, in pieces of %d bytes", async (size) => {
    const kept = [
      "Warning: the disk is full",
      "Warning: maxDynamicUniformBuffersPerPipelineLayout is odd",
      `before ${warning()}`,
      warning("Storage", " And more."),
      "écran 医",
      "",
      "Warning: maxDyn",
    ];
    const given = [warning(), kept[0], warning("Storage"), warning(), ...kept.slice(1)].join("\n");
    expect(await filtered(Buffer.from(given), size)).toBe(kept.join("\n"));
  });

  test("does not wait for the end of a line", () => {
    const filter = withoutDawnWarnings();
    filter.write("50 %");
    expect(String(filter.read())).toBe("50 %");
    // What looks like one in the middle of a line is none.
    filter.write("Warning: maxDynamic");
    expect(String(filter.read())).toBe("Warning: maxDynamic");
  });
});

describe.runIf(process.platform === "linux")("a launched program", () => {
  const source = (name: string) => JSON.stringify(pathToFileURL(path.resolve(`src/node/vulkan/${name}`)).href);
  /** Runs a program as on a software adapter, through a shell that does something with its standard error. */
  const launched = (program: string, shell = '"$@"') => {
    const folder = temporaryFolder();
    const launcher = path.join(folder, "launcher.mjs");
    write(folder, {
      "program.mjs": `import { writeSync } from "node:fs"; ${program}`,
      "launcher.mjs": `import { launch } from ${source("launch.mjs")};
        await launch({ script: ${JSON.stringify(path.join(folder, "program.mjs"))}, args: [], preload: [] }, { LP_NUM_THREADS: "2" });`,
    });
    const env = { ...process.env };
    delete env["MGANET_STDERR"];
    return spawnSync("sh", ["-c", shell, "sh", process.execPath, launcher], { encoding: "utf8", env });
  };
  const native = (line: string) => `writeSync(2, ${JSON.stringify(`${line}\n`)});`;

  test("prints none of the warnings, and all else: what native code prints, what it prints itself, why it crashed", () => {
    const { status, stdout, stderr } = launched(
      `${native(warning())} ${native(warning("Storage"))} ${native("driver: broken")}
       console.error("ours"); console.log("out"); throw new Error("crashed");`,
    );
    expect([status, stdout]).toEqual([1, "out\n"]);
    expect(stderr).toMatch(/driver: broken\n/);
    expect(stderr).toMatch(/^ours$/m);
    expect(stderr).toMatch(/^Error: crashed\n +at /m);
    expect(stderr).not.toContain("artificially");
  });

  test("writes all of it before it ends by itself", () => {
    const { stderr } = launched(`process.stderr.write("x".repeat(1 << 20) + "\\n"); process.exit(3);`);
    expect(stderr).toBe(`${"x".repeat(1 << 20)}\n`);
  });

  const script = spawnSync("script", ["--version"]).status === 0;
  test.runIf(script)("still writes to a terminal, where there is one", () => {
    const { stdout } = launched(
      `${native(warning())} process.stderr.write(JSON.stringify([process.stderr.isTTY, process.stdout.isTTY]));`,
      `script -qec "'$1' '$2'" /dev/null`,
    );
    expect(stdout).toBe("[true,true]");
  });
});
