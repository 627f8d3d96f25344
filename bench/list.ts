/** Every benchmark by name. */
import type { PresetName } from "../src/models/spec.ts";
import { InputError } from "../src/node/files.ts";
import type { BenchContext } from "./contest.ts";
import { benchInference } from "./inference.ts";
import { benchKernel } from "./kernels.ts";
import { batched, nameOf, type KernelCase } from "./kernels/case.ts";
import { adamCase, modelCases } from "./kernels/model-cases.ts";
import { benchModel, FULL_WIDTH_BATCH, fullWidthNames } from "./models.ts";
import { networkNamed } from "./networks.ts";
import { benchOp, opCases } from "./ops.ts";
import { allPeers } from "./peers/all.ts";
import type { Peer } from "./peers/peer.ts";
import type { Result } from "./results.ts";
import { fullSizes, inferenceSetup, otherSizes, quickSize, stepSetup, type Size } from "./setup.ts";
import { benchStep } from "./step.ts";

export interface Benchmark {
  readonly name: string;
  /** @throws EqualityError if a peer does not compute the same */
  run(context: BenchContext): Promise<Result>;
}

/** Images at once in a kernel benchmark. */
const kernelBatch = (software: boolean) => (software ? 1 : 8);

/** One of each kind, and small. */
const QUICK_KERNELS = [
  "kernel/conv2d/56x56x64-64-3x3s1/forward",
  "kernel/conv2d/56x56x64-64-3x3s1/inputGrad",
  "kernel/conv2d/56x56x64-64-3x3s1/weightGrad",
  "kernel/batchNorm/56x56x64",
  "kernel/resize/28x28x128-56x56/forward",
  "kernel/mga/28x28x128",
  "kernel/adam/width-0.25",
];

/** Batches are the adapter's business, names are not. */
export function benchmarks(quick: boolean): Benchmark[] {
  const all: KernelCase[] = [...modelCases(1, [224, 224]), adamCase(quickSize.options.width)];
  const cases = quick ? all.filter((c) => QUICK_KERNELS.includes(nameOf(c))) : all;
  const sizes = [quickSize, ...(quick ? [] : [...fullSizes, ...otherSizes])];
  return [
    ...cases.map(kernelBenchmark),
    ...sizes.map(stepBenchmark),
    ...sizes.map(inferenceBenchmark),
    ...(quick ? [] : fullWidthNames.map(modelBenchmark)),
  ];
}

/**
 * The kernels of a network's training step, as a preset has it.
 * @throws ConfigError if there is no network with that name
 */
export function opBenchmarks(network: string, preset: PresetName): Benchmark[] {
  const config = networkNamed(network, preset, preset === "paper" ? FULL_WIDTH_BATCH : undefined);
  return opCases(config).map((c) => ({ name: c.name, run: (context) => benchOp(context, c) }));
}

const isSoftware = ({ gpu }: BenchContext) => gpu.caps.adapterClass === "software";

const kernelBenchmark = (c: KernelCase): Benchmark => ({
  name: nameOf(c),
  run: (context) => benchKernel(context, batched(c, kernelBatch(isSoftware(context)))),
});

const modelBenchmark = (name: string): Benchmark => ({ name, run: (context) => benchModel(context, name) });

function stepBenchmark(size: Size): Benchmark {
  const name = `step/${size.name}`;
  return {
    name,
    run: (context) => {
      const setup = stepSetup(size, isSoftware(context));
      return benchStep(context, name, { ...setup, thorough: context.thorough });
    },
  };
}

function inferenceBenchmark(size: Size): Benchmark {
  const name = `inference/${size.name}`;
  return { name, run: async (context) => benchInference(context, name, await inferenceSetup(context.gpu, size)) };
}

/** @throws InputError if no name contains `filter` */
export function choose(all: readonly Benchmark[], filter: string | undefined): readonly Benchmark[] {
  const chosen = all.filter(({ name }) => name.includes(filter ?? ""));
  if (chosen.length > 0) return chosen;
  const kinds = [...new Set(all.map(({ name }) => name.split("/").slice(0, 2).join("/")))];
  throw new InputError(`--filter ${filter}: no benchmark is called so; there are ${kinds.join(", ")}`);
}

/** @throws InputError if there is no such peer */
export function choosePeers(names: readonly string[] | undefined): readonly Peer[] {
  if (!names) return allPeers;
  const known = allPeers.map(({ name }) => name);
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined)
    throw new InputError(`--peer ${unknown}: no peer is called so; there are ${known.join(", ")}`);
  return allPeers.filter(({ name }) => names.includes(name));
}
