/** `mganet verify`: compares outputs, gradients and losses on this adapter with PyTorch's in float64. */
import { readdir } from "node:fs/promises";
import path from "node:path";
import { parseSafetensors, serializeSafetensors, type SafeTensor } from "../../data/safetensors.ts";
import { formatBytes, type Gpu } from "../../gpu/gpu.ts";
import { packageRoot, readInput, requireWritableFile, writeWhole } from "../../node/files.ts";
import { compareCase, runCase, type Results } from "../../models/parity.ts";
import { CaseError } from "../../models/parity-case.ts";
import { models } from "../../models/registry.ts";
import { StateDictError } from "../../nn/module.ts";
import { withGpu, type GpuOption, type LessOption } from "../gpu.ts";

export interface VerifyOptions extends GpuOption, LessOption {
  /** A case file; default: the built-in ones. */
  case?: string;
  /** Where to write what was computed; needs `case`. */
  out?: string;
  /** Use the plain variant of every kernel. */
  plain?: boolean;
}

const builtIn = path.join(packageRoot, "test/reference/data");

/** @returns the exit code: 0 if all agree, else 1 */
export async function verify(options: VerifyOptions): Promise<number> {
  if (options.out !== undefined) {
    if (options.case === undefined) throw new CaseError("--out needs --case: it writes what was computed for one case");
    await requireWritableFile(options.out);
  }
  const files = options.case !== undefined ? [options.case] : await builtInCases();
  if (options.case === undefined) showWhatIsLeftOut(files);
  const good = await withGpu(options, async (gpu) => {
    console.log(`Comparing with PyTorch (float64) on ${gpu.name}; ${used(gpu, options)}`);
    let good = true;
    for (const file of files) good = (await verifyFile(gpu, file, options)) && good;
    return good;
  });
  console.log(good ? "All agree." : "Some do not agree: do not trust this adapter's results.");
  return good ? 0 : 1;
}

/** The adapter's features that kernels can use, which determine the variants checked. */
function used({ caps }: Gpu, { plain }: VerifyOptions): string {
  const lanes = caps.subgroupSize === undefined ? "no subgroups" : `subgroups of ${caps.subgroupSize}`;
  const storage = `${caps.maxStorageBuffers} storage buffers of ${formatBytes(caps.maxBindingBytes)}`;
  const workgroup = `${caps.maxInvocations} threads and ${formatBytes(caps.maxWorkgroupBytes)} a workgroup`;
  return `${lanes}, ${storage}, ${workgroup}${plain ? "; plain kernels only" : ""}`;
}

async function builtInCases(): Promise<string[]> {
  const isCase = (name: string) => models.some(({ id }) => name.startsWith(`${id}-`)) && name.endsWith(".safetensors");
  const names = (await readdir(builtIn)).filter(isCase).sort();
  return names.map((name) => path.join(builtIn, name));
}

/** An installed package has one small case; the repository has one of every model. */
function showWhatIsLeftOut(files: readonly string[]): void {
  const without = models.filter(({ id }) => !files.some((file) => path.basename(file).startsWith(`${id}-`)));
  if (without.length === 0) return;
  console.log(
    `This package brings ${files.map((file) => path.basename(file, ".safetensors")).join(", ")} only. Cases of ${without.map(({ id }) => id).join(", ")} are in the repository, in test/reference/data; check one with --case FILE`,
  );
}

async function verifyFile(gpu: Gpu, file: string, { out, plain = false }: VerifyOptions): Promise<boolean> {
  const { metadata, tensors } = parseSafetensors(await readInput(file), file);
  const begun = performance.now();
  let results: Results;
  let rows;
  try {
    results = await runCase(gpu, metadata, tensors, { plain });
    rows = compareCase(results, metadata, tensors);
  } catch (error) {
    if (error instanceof CaseError || error instanceof StateDictError)
      throw new CaseError(`${file}: ${error.message}`, { cause: error });
    throw error;
  }
  const seconds = ((performance.now() - begun) / 1000).toFixed(1);
  console.log(`\n${path.basename(file, ".safetensors")} (${seconds} s)`);
  for (const { what, error, bar } of rows) {
    const verdict = error <= bar ? "agrees" : "DIFFERS";
    console.log(
      `  ${what.padEnd(22)} relative error ${error.toExponential(1)}  (bar ${bar.toExponential(0)})  ${verdict}`,
    );
  }
  if (out) {
    const computed = [...results].map(([name, { shape, data }]): [string, SafeTensor] => {
      return [name, { dtype: "F32", shape: [...shape], data }];
    });
    await writeWhole(out, serializeSafetensors(computed, metadata));
    console.log(`  written to ${out}`);
  }
  return rows.every(({ error, bar }) => error <= bar);
}
