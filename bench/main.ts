/** `npm run bench`: how fast are we, next to the other libraries that run on this adapter? */
import { Command, CommanderError, Option } from "commander";
import { fail } from "../src/cli/fail.ts";
import { addProfileOptions, addTunedOption } from "../src/cli/options.ts";
import { Profiler } from "../src/cli/profile.ts";
import { withTunedGpu } from "../src/cli/tuned.ts";
import { text, texts } from "../src/cli/values.ts";
import { oneLine } from "../src/data/sample.ts";
import { requireWritableFile, writeWhole } from "../src/node/files.ts";
import { ConfigError } from "../src/models/config-error.ts";
import type { PresetName } from "../src/models/spec.ts";
import { presetNames } from "../src/train/config.ts";
import type { BenchContext } from "./contest.ts";
import { environmentOf } from "./environment.ts";
import { EqualityError } from "./equality.ts";
import { benchmarks, choose, choosePeers, opBenchmarks } from "./list.ts";
import { StepError } from "./models.ts";
import { printResult, printSummary } from "./print.ts";
import { begun } from "./recorded.ts";
import type { Results } from "./results.ts";
import { byPeak, Yardstick } from "./yardstick.ts";

interface Options {
  quick?: true;
  filter?: string;
  peer?: string[];
  model?: string;
  preset?: PresetName;
  json?: string;
  resume?: true;
  adapter?: string;
  tuned?: boolean;
  profile?: boolean;
  trace?: string;
  debug?: true;
}

/** How often each is timed, and after how many milliseconds a benchmark that takes long is content with fewer. */
const FULL = { rounds: 21, budgetMs: 20_000, thorough: true };
const QUICK = { rounds: 5, budgetMs: 2_000, thorough: false };

const program = addProfileOptions(addTunedOption(new Command("bench")))
  .description("Times our kernels, training steps and inference against other libraries on the same adapter.")
  .option("--quick", "a first impression: few kernels, small networks, few repeats")
  .option("--filter <text>", "only benchmarks whose name contains this, such as kernel/conv2d or step/quick", text)
  .option("--peer <name>", "only this library; may be given more than once", texts)
  .option(
    "--model <name>",
    "instead: every kernel of this network's training step by itself, without other libraries",
    text,
  )
  .addOption(new Option("--preset <name>", "whose sizes --model measures (default: quick)").choices(presetNames))
  .option("--json <file>", "write the results", text)
  .option("--resume", "keep the results that the file of --json holds, and continue with the others")
  .option("--adapter <name>", "part of the name of the GPU adapter to use", text)
  .option("--debug", "print stack traces")
  .configureOutput({
    writeErr: (text) => console.error(text.trimEnd()),
    outputError: (text, write) => write(oneLine(text.replace(/^error:/, "Error:").replace("\n(Did", " (Did"))),
  })
  .exitOverride();

async function bench(options: Options): Promise<void> {
  const quick = options.quick ?? false;
  const peers = choosePeers(options.peer);
  requireEffect(options);
  const { model, preset = "quick" } = options;
  const chosen = choose(model === undefined ? benchmarks(quick) : opBenchmarks(model, preset), options.filter);
  if (options.json !== undefined) await requireWritableFile(options.json);
  else if (options.resume) throw new ConfigError("--resume continues the file of --json, which is not given");
  await Profiler.check(options);
  await withTunedGpu(options, async (gpu) => {
    const yardstick = new Yardstick(gpu);
    const { peak, bandwidth } = await yardstick.measure();
    const environment = await environmentOf(gpu, bandwidth, peers);
    console.log(gpu.name);
    const say = (text: string) => {
      const seconds = `${(performance.now() / 1000).toFixed(0)} s`;
      process.stderr.write(`[${seconds.padStart(6)}] ${text}\n`);
    };
    const profiler = Profiler.for(gpu, options);
    const { adapter, tuned = true } = options;
    const measured = { gpu, adapter, tuned, peak, bandwidth };
    const context: BenchContext = { ...measured, peers, say, profiler, ...(quick ? QUICK : FULL) };
    let file: Results = { adapter: gpu.name, peak, environment, results: [] };
    if (options.resume) file = await begun(options.json!, file);
    yardstick.atLeast(file);
    const done = new Set(file.results.map(({ name }) => name));
    for (const benchmark of chosen.filter(({ name }) => !done.has(name))) {
      const result = await benchmark.run(context).catch(tellFault);
      if (!result) continue;
      const best = await yardstick.measure();
      file = byPeak({ ...file, results: [...file.results, result] }, best.peak, best.bandwidth);
      printResult(file.results.at(-1)!);
      // After each: a run of hours that is cut short leaves what it has.
      if (options.json !== undefined) await writeWhole(options.json, `${JSON.stringify(file, null, 2)}\n`);
    }
    printSummary(file);
  });
}

/** @throws ConfigError for options without effect */
function requireEffect({ model, preset, peer, profile, trace }: Options): void {
  if (model === undefined && preset !== undefined) throw new ConfigError("--preset is for the kernels of --model");
  if (model === undefined) return;
  const idle = Object.entries({ peer, profile, trace }).find(([, value]) => value !== undefined);
  if (idle) throw new ConfigError(`--${idle[0]} has no effect with --model, which measures our kernels one by one`);
}

/** What computes something else, or cannot run, spoils its benchmark, and the exit code, but not the hours of the others. */
function tellFault(error: unknown): undefined {
  if (!(error instanceof EqualityError || error instanceof StepError)) throw error;
  console.error(`Error: ${error.message}`);
  process.exitCode = 1;
}

try {
  await bench(program.parse().opts<Options>());
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2;
  else process.exitCode = fail(error, program.opts<Options>().debug ?? false);
}
