import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test, vi } from "vitest";
import { slow } from "../../support/selection.ts";
import { fakeTools, temporaryFolder, write } from "./support.ts";

const module = (name: string) => JSON.stringify(pathToFileURL(path.resolve(`src/node/vulkan/${name}`)).href);
const tsx = JSON.stringify(import.meta.resolve("tsx"));
const needsProcess = { LD_LIBRARY_PATH: process.env.LD_LIBRARY_PATH ?? "/none" };

/** A launcher script that runs `program` with these variables. */
function launcher(program: string, variables: Record<string, string>): { script: string; log: string } {
  const folder = temporaryFolder();
  write(folder, {
    "program.mts": program,
    "launcher.mjs": `
      import { launch } from ${module("launch.mjs")};
      await launch({ script: ${JSON.stringify(path.join(folder, "program.mts"))}, args: process.argv.slice(2), preload: [${tsx}] },
        ${JSON.stringify(variables)});`,
    log: "",
  });
  return { script: path.join(folder, "launcher.mjs"), log: path.join(folder, "log") };
}

const ended = async (child: ChildProcess) => {
  const [code, signal] = (await once(child, "exit")) as [number | null, NodeJS.Signals | null];
  return { code, signal };
};

/** Waits for a word in what the program has written. */
const says = (log: string, word: string) => vi.waitUntil(() => readFileSync(log, "utf8").includes(word), 600_000);

describe.runIf(process.platform === "linux")("the launcher", () => {
  test.each([
    ["in this process", { MARK: "set" }],
    ["in a new process", { ...needsProcess, MARK: "set" }],
  ])("%s: passes arguments, environment and exit code", (_, variables) => {
    const { script } = launcher(
      `const code: number = 7; console.log(JSON.stringify([process.argv.slice(2), process.env.MARK])); process.exitCode = code;`,
      variables,
    );
    const { status, stdout } = spawnSync(process.execPath, [script, "a b", "--c"], { encoding: "utf8" });
    expect(JSON.parse(stdout)).toEqual([["a b", "--c"], "set"]);
    expect(status).toBe(7);
  });

  test("runs a program of more modules than files may be open", () => {
    const names = Array.from({ length: 200 }, (_, i) => `m${i}.mjs`);
    const program = `${names.map((name, i) => `import { n as n${i} } from "./${name}";`).join("")}
      console.log(${names.map((_, i) => `n${i}`).join(" + ")});`;
    const { script } = launcher(program, needsProcess);
    write(path.dirname(script), Object.fromEntries(names.map((name) => [name, "export const n = 1;"])));
    const limited = `ulimit -n 60 && exec ${process.execPath} ${script}`;
    const { status, stdout, stderr } = spawnSync("sh", ["-c", limited], { encoding: "utf8" });
    expect([status, stdout, stderr]).toEqual([0, "200\n", ""]);
  });

  test("ends by the signal that ended the program, and says so", () => {
    const { script } = launcher(`process.kill(process.pid, "SIGKILL"); setTimeout(() => {}, 9e3);`, needsProcess);
    const { signal, stderr } = spawnSync(process.execPath, [script], { encoding: "utf8" });
    expect([signal, stderr]).toEqual(["SIGKILL", "mganet: the program was ended by SIGKILL\n"]);
  });

  const saver = (log: string) => `
    import { appendFileSync } from "node:fs";
    import { onInterrupt } from ${module("interrupt.ts")};
    const say = (text: string) => appendFileSync(${JSON.stringify(log)}, text + "\\n");
    const idle = setInterval(() => {}, 1000);
    onInterrupt((signal) => { say("saving " + signal); setTimeout(() => { say("saved"); clearInterval(idle); process.exitCode = 5; }, 300); });
    say("ready");`;

  test.each([
    ["SIGINT", "to a new process", needsProcess],
    ["SIGTERM", "to a new process", needsProcess],
    ["SIGINT", "within this process", {}],
  ] as const)("passes %s on %s, once, and waits until the program has saved", slow, async (signal, _, variables) => {
    const { script, log } = launcher("", variables);
    write(path.dirname(script), { "program.mts": saver(log) });
    // Detached: without a terminal of its own, as under a job scheduler.
    const child = spawn(process.execPath, [script], { stdio: "ignore", detached: true });
    await says(log, "ready");
    child.kill(signal);
    child.kill(signal); // As npm and timeout do.
    expect(await ended(child)).toEqual({ code: 5, signal: null });
    expect(readFileSync(log, "utf8")).toBe(`ready\nsaving ${signal}\nsaved\n`);
  });

  test("a second signal, later, ends a program that does not come to an end", slow, async () => {
    const { script, log } = launcher("", needsProcess);
    write(path.dirname(script), { "program.mts": saver(log).replace(/setTimeout.*300\);/, "") });
    const child = spawn(process.execPath, [script], { stdio: "ignore", detached: true });
    await says(log, "ready");
    child.kill("SIGINT");
    await says(log, "saving");
    await sleep(1200);
    child.kill("SIGINT");
    expect(await ended(child)).toEqual({ code: 130, signal: null });
  });

  test("a program that handles no signal ends by it, and the launcher likewise", async () => {
    const { script, log } = launcher("", needsProcess);
    write(path.dirname(script), {
      "program.mts": `import { writeFileSync } from "node:fs"; setInterval(() => {}, 1000); writeFileSync(${JSON.stringify(log)}, "ready");`,
    });
    const child = spawn(process.execPath, [script], { stdio: "ignore", detached: true });
    await says(log, "ready");
    child.kill("SIGTERM");
    expect(await ended(child)).toEqual({ code: null, signal: "SIGTERM" });
  });

  const hasScript = spawnSync("script", ["--version"]).status === 0;
  test.runIf(hasScript)(
    "Ctrl-C at a terminal reaches the program once, even where a second one would kill it",
    slow,
    async () => {
      const { script, log } = launcher("", needsProcess);
      write(path.dirname(script), {
        "program.mts": `
        import { appendFileSync } from "node:fs";
        const say = (text: string) => appendFileSync(${JSON.stringify(log)}, text + "\\n");
        setTimeout(() => {}, 60e3);
        process.once("SIGINT", () => { say("saving"); setTimeout(() => { say("saved"); process.exit(0); }, 500); });
        say("ready");`,
      });
      // exec: a shell that stays in between, as dash does, reports that the signal ended it.
      const terminal = spawn("script", ["-qec", `exec ${process.execPath} ${script}`, "/dev/null"], {
        stdio: ["pipe", "ignore", "ignore"],
      });
      await says(log, "ready");
      terminal.stdin.write("\x03");
      expect((await ended(terminal)).code).toBe(0);
      expect(readFileSync(log, "utf8")).toBe("ready\nsaving\nsaved\n");
    },
  );
});

describe.runIf(process.platform === "linux")("the commands", () => {
  /** As on a machine with nothing prepared and no packages to be had. */
  const bare = () => {
    const env = { ...process.env };
    for (const name of ["MGANET_VULKAN", "MGANET_OFFLINE", "VK_ICD_FILENAMES", "LD_LIBRARY_PATH"])
      Reflect.deleteProperty(env, name);
    const tools = fakeTools({ "apt-get": 'echo "E: no network" >&2; exit 100' });
    return { ...env, HOME: temporaryFolder(), MGANET_CACHE: temporaryFolder(), PATH: `${tools}:${env.PATH}` };
  };
  const command = (args: string[], env: NodeJS.ProcessEnv) =>
    spawnSync(process.execPath, ["bin/mganet.mjs", ...args], { encoding: "utf8", env });

  test("`mganet env` prints exports, or one clear error and exit code 2", () => {
    const { status, stdout, stderr } = command(["env"], bare());
    if (status === 0) {
      // There is a driver on this machine.
      expect(stdout).toMatch(/^(export \w+='.*'\n)+$/);
      return;
    }
    expect(status).toBe(2);
    expect(stdout).toBe("");
    // Where the packages are Debian's or Ubuntu's; elsewhere it does not come to that.
    const tried = /^mganet: .* \.\.\. failed\nmganet: apt-get update failed: E: no network\nInstall .*\n$/;
    expect(stderr).toMatch(/unpacking/.test(stderr) ? tried : /^mganet: no GPU driver .*\nInstall .*\n$/);
  });

  test("under a prepared environment nothing is left to set", () => {
    const { status, stdout } = command(["env"], { ...bare(), MGANET_VULKAN: "system" });
    expect([status, stdout]).toEqual([0, ""]);
  });

  test("help needs no adapter", () => {
    const { status, stderr } = command(["--help"], bare());
    expect([status, stderr]).toEqual([0, ""]);
  });
});
