/** `npm run bench`: how fast are we, next to the other libraries that train on this adapter? */
import { Command } from "commander";
import { adapterName, withGpu } from "../src/cli/gpu.ts";
import { fail } from "../src/cli/fail.ts";
import type { Gpu } from "../src/gpu/gpu.ts";
import { measure } from "../src/kernels/measure.ts";
import { InputError, writeWhole } from "../src/node/files.ts";
import { EqualityError } from "./equality.ts";
import { tfjsWebgpu } from "./peers/tfjs-webgpu.ts";
import { printTable, type Result, type Results } from "./results.ts";
import { benchStep } from "./step.ts";

interface Options {
  quick?: true;
  filter?: string;
  json?: string;
  adapter?: string;
  debug?: true;
}

const ROUNDS = 21;
const QUICK_ROUNDS = 5;

const program = new Command("bench")
  .description("Times our kernels and training steps against other libraries on the same adapter.")
  .option("--quick", "few repeats: a first impression")
  .option("--filter <text>", "only benchmarks whose name contains this, such as step/quick")
  .option("--json <file>", "write the results")
  .option("--adapter <name>", "part of the name of the GPU adapter to use")
  .option("--debug", "show the stack of errors")
  .parse();

async function bench(options: Options): Promise<void> {
  const rounds = options.quick ? QUICK_ROUNDS : ROUNDS;
  const all: Record<string, (gpu: Gpu, peak: number) => Promise<Result>> = {
    "step/quick": (gpu, peak) => benchStep(gpu, "quick", [tfjsWebgpu], { rounds, peak }),
  };
  const chosen = Object.keys(all).filter((name) => name.includes(options.filter ?? ""));
  if (chosen.length === 0) {
    throw new InputError(
      `--filter ${options.filter}: no benchmark is called so; there are ${Object.keys(all).join(", ")}`,
    );
  }
  await withGpu(options.adapter === undefined ? {} : { adapter: options.adapter }, async (gpu) => {
    const { gflops: peak } = await measure(gpu);
    console.log(`${adapterName(gpu)}, multiply-add peak ${peak.toFixed(0)} GFLOP/s`);
    const results: Result[] = [];
    for (const name of chosen) results.push(await all[name]!(gpu, peak));
    printTable(results);
    const file: Results = { adapter: adapterName(gpu), peak, results };
    if (options.json) await writeWhole(options.json, `${JSON.stringify(file, null, 2)}\n`);
  });
}

try {
  await bench(program.opts<Options>());
} catch (error) {
  if (error instanceof EqualityError) {
    console.error(`Error: ${error.message}`);
    process.exitCode = 1;
  } else fail(error, program.opts<Options>().debug ?? false);
}
