/**
 * `node --import tsx test/soak/faults.ts [PART OF A NAME]`: a closed terminal, a disk that is full, a folder that is moved, deleted or replaced while a
 * training is at work in it. Exit code 1 if one of them ends otherwise than it must.
 */
import { cpSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import path from "node:path";
import { leftIn, require, settings, train, workFolder, type Ended } from "./runs.ts";

const root = workFolder();
const at = (name: string): string => path.join(root, name);
const often = ["--save-every", "0.2s"];
const full = `export NODE_OPTIONS=--import=${new URL("full-disk.mjs", import.meta.url).href}`;

require((await train([...settings, "--out", at("whole")])).code === 0, "the undisturbed run failed");
const whole = leftIn(at("whole"));

/** Goes on to the end; the bits must be those of the undisturbed run. */
async function goesOn(dir: string): Promise<void> {
  const ended = await train(["--resume", dir]);
  require(ended.code === 0, "it does not go on", ended);
  require(leftIn(dir) === whole, "it ends with other bits");
}

/** Exit code 2, and one line that says why. */
function refused(ended: Ended, reason: RegExp): void {
  // The launcher may have had to fetch a driver.
  const lines = ended.err
    .trim()
    .split("\n")
    .filter((line) => !line.startsWith("mganet: "));
  require(ended.code === 2 && lines.length === 1 && reason.test(lines[0]!), `not ${String(reason)}`, ended);
  require(!ended.out.includes("Done"), "it says that it is done", ended);
}

const faults: Record<string, () => Promise<void>> = {
  async "a closed terminal: saved, exit code 129"() {
    const ended = await train([...settings, "--out", at("hung")], (line, { kill }) => {
      if (/segmentation 1\/3/.test(line)) kill("SIGHUP");
    });
    require(ended.code === 129, "not 129", ended);
    await goesOn(at("hung"));
  },
  async "a closed terminal under nohup: goes on to its end"() {
    const ended = await train(
      [...settings, "--out", at("nohup")],
      (line, { kill }) => {
        if (/segmentation 1\/3/.test(line)) kill("SIGHUP");
      },
      { shell: `trap "" HUP; nohup "$@"; exit $?` },
    );
    require(ended.code === 0 && leftIn(at("nohup")) === whole, "it did not end well", ended);
  },
  async "a reader that goes away: goes on to its end"() {
    const ended = await train([...settings, "--out", at("unread")], undefined, {
      shell: "exec > >(head -1 > /dev/null)",
    });
    require(ended.code === 0 && leftIn(at("unread")) === whole, "it did not end well", ended);
  },
  async "no room for the first checkpoint: exit code 2"() {
    const ended = await train([...settings, "--out", at("full")], undefined, { shell: full });
    refused(ended, /^Error: .*last\.safetensors: cannot be written: no space left on the disk/);
    require(!existsSync(path.join(at("full"), "last.safetensors")), "half a checkpoint is left");
  },
  async "no room for a later checkpoint: the last good one stays, and it goes on from there"() {
    const stopped = await train([...settings, ...often, "--out", at("later")], (line, { kill }) => {
      if (/segmentation 1\/3/.test(line)) kill("SIGTERM");
    });
    require(stopped.code === 130, "not stopped", stopped);
    const before = statSync(path.join(at("later"), "last.safetensors"));
    const ended = await train(["--resume", at("later")], undefined, { shell: full });
    refused(ended, /^Error: .*last\.safetensors: cannot be written: /);
    require(ended.out.includes("Resume with:"), "it does not say how to go on", ended);
    require(statSync(path.join(at("later"), "last.safetensors")).ino ===
      before.ino, "the last good checkpoint is gone");
    require(readdirSync(at("later")).every((name) => !name.startsWith(".mganet-")), "something half written is left");
    await goesOn(at("later"));
  },
  async "a folder that is moved: exit code 2, and it goes on from its new place"() {
    const ended = await train([...settings, "--out", at("moved")], (line) => {
      if (/segmentation 1\/3/.test(line)) setTimeout(() => renameSync(at("moved"), at("elsewhere")), 50);
    });
    refused(ended, /moved: the folder is gone: moved, deleted or replaced/);
    require(!existsSync(at("moved")), "the folder is made anew");
    await goesOn(at("elsewhere"));
  },
  async "a folder that is deleted: exit code 2, and it is not made anew"() {
    const ended = await train([...settings, "--out", at("deleted")], (line) => {
      if (/segmentation 1\/3/.test(line)) rmSync(at("deleted"), { recursive: true, force: true, maxRetries: 5 });
    });
    refused(ended, /deleted: the folder is gone: moved, deleted or replaced/);
    require(!existsSync(at("deleted")), "the folder is made anew");
  },
  async "a folder that is replaced by another one: exit code 2, and that one is left alone"() {
    cpSync(at("whole"), at("other"), { recursive: true });
    const ended = await train([...settings, "--out", at("replaced")], (line) => {
      if (!/segmentation 1\/3/.test(line)) return;
      renameSync(at("replaced"), at("aside"));
      mkdirSync(at("replaced"));
    });
    refused(ended, /replaced: the folder is gone: moved, deleted or replaced/);
    require(readdirSync(at("replaced")).length === 0, "something is written to the other folder");
  },
};

const [wanted = ""] = process.argv.slice(2);
for (const [name, fault] of Object.entries(faults).filter(([name]) => name.includes(wanted))) {
  const begun = performance.now();
  let outcome = "as it must";
  try {
    await fault();
  } catch (error) {
    process.exitCode = 1;
    outcome = `NOT: ${(error as Error).message}`;
  }
  console.log(`${name}: ${outcome} (${((performance.now() - begun) / 1000).toFixed(0)} s)`);
}
rmSync(root, { recursive: true, force: true });
