/** Runs that Node trains with Chromium's own driver, so that it computes on the same kind of adapter. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, realpathSync } from "node:fs";
import path from "node:path";
import { text } from "node:stream/consumers";
import type { TrainConfig } from "../../src/train/config.ts";

/** The driver that comes with a Chromium. */
const driverOf = (executable: string): string | undefined =>
  [path.dirname(realpathSync(executable)), "/usr/lib/chromium"]
    .map((folder) => path.join(folder, "vk_swiftshader_icd.json"))
    .find((file) => existsSync(file));

export interface NodeRun {
  adapter: string;
  losses: number[];
}

/** @param paused trains it once more there, and pauses it after so many steps */
export async function trainOnNode(
  executable: string,
  folder: string,
  config: TrainConfig,
  paused?: { folder: string; steps: number },
): Promise<NodeRun> {
  const again = paused ? [paused.folder, String(paused.steps)] : [];
  const args = ["--import", "tsx", "test/browser/node-run.ts", folder, JSON.stringify(config), ...again];
  const icd = driverOf(executable);
  const env = { ...process.env, VK_ICD_FILENAMES: icd, VK_DRIVER_FILES: icd };
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"], env });
  const [out, err] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "close")]);
  if (child.exitCode !== 0) throw new Error(err);
  return JSON.parse(out) as NodeRun;
}
