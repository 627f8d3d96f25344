/** Group "model": a training step of each network at full width, in a process of its own, whose memory is then that network's. */
import { fork } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { BenchContext } from "./contest.ts";
import { networkNamed, networkNames } from "./networks.ts";
import type { Answer, Figures, Task } from "./ours/model-process.ts";
import type { Result } from "./results.ts";
import { timingOf } from "./sampling.ts";

/** Images in a step: the fewest that batch normalisation takes, since a software adapter takes seconds for one. */
export const FULL_WIDTH_BATCH = 2;
/** Steps that are timed. */
const STEPS = 3;

/** A network cannot take a step on this adapter. */
export class StepError extends Error {
  override name = "StepError";
}

/** Every network, as the paper's preset has it but for the batch. */
export const fullWidthNames: readonly string[] = networkNames.map((name) => `model/${name}`);

/** @throws StepError that says why there is no step to time */
export async function benchModel({ gpu, peak, say, ...by }: BenchContext, name: string): Promise<Result> {
  const config = networkNamed(name.replace("model/", ""), "paper", FULL_WIDTH_BATCH);
  say(`${name}: compiling`);
  const task = { config, steps: STEPS, adapter: by.adapter, tuned: by.tuned };
  const { compileMs, stepMs, flops, ...memory } = await stepsOf(name, task);
  gpu.check();
  const timing = timingOf(stepMs);
  const gflops = flops / timing.medianMs / 1e6;
  const ours = { ...timing, gflops, peakFraction: gflops / peak };
  return {
    name,
    group: "model",
    batch: FULL_WIDTH_BATCH,
    rounds: STEPS,
    ours,
    compileMs,
    memory,
    peers: {},
    ratios: {},
  };
}

/** Takes training steps in a process of its own. @throws StepError that says why it cannot */
export async function stepsOf(name: string, task: Task): Promise<Figures> {
  // Compiled anew each time, wherever the driver is one that caches its code here.
  const cache = await mkdtemp(path.join(tmpdir(), "mganet-shaders-"));
  try {
    const program = fork(new URL("ours/model-process.ts", import.meta.url), [JSON.stringify(task)], {
      execArgv: ["--import", import.meta.resolve("tsx")],
      env: { ...process.env, MESA_SHADER_CACHE_DIR: cache },
      stdio: ["ignore", 2, 2, "ipc"],
    });
    return await new Promise((resolve, reject) => {
      let answer: Answer | undefined;
      program.once("message", (message) => (answer = message as Answer));
      program.once("error", reject);
      program.once("close", (code, signal) => {
        if (answer && "figures" in answer) resolve(answer.figures);
        else reject(new StepError(`${name}: ${answer?.error ?? `its process ended with ${signal ?? `code ${code}`}`}`));
      });
    });
  } finally {
    await rm(cache, { recursive: true, force: true });
  }
}
