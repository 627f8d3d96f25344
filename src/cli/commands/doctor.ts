/** `mganet doctor`: reports the adapter and its capabilities. */
import { usefulFeatures } from "../../gpu/capabilities.ts";
import { formatBytes, type Gpu } from "../../gpu/gpu.ts";
import { measure } from "../../kernels/measure.ts";
import { requireWritableFile, writeWhole } from "../../node/files.ts";
import { withGpu, type GpuOption } from "../gpu.ts";

/** The content for `--json`. */
async function report(gpu: Gpu) {
  const { info, caps, device } = gpu;
  const { gflops, bandwidth } = await measure(gpu);
  return {
    adapter: {
      vendor: info.vendor,
      architecture: info.architecture,
      device: info.device,
      driver: info.description,
      fallback: info.isFallbackAdapter,
      class: caps.adapterClass,
    },
    driverSource: process.env["MGANET_VULKAN"] ?? null,
    features: [...device.features].sort(),
    used: usefulFeatures.filter((f) => device.features.has(f)),
    limits: {
      maxStorageBufferBindingSize: caps.maxBindingBytes,
      maxBufferSize: caps.maxBufferBytes,
      maxStorageBuffersPerShaderStage: caps.maxStorageBuffers,
      maxComputeWorkgroupStorageSize: caps.maxWorkgroupBytes,
      maxComputeInvocationsPerWorkgroup: caps.maxInvocations,
      maxComputeWorkgroupsPerDimension: caps.maxWorkgroups,
      minStorageBufferOffsetAlignment: device.limits.minStorageBufferOffsetAlignment,
    },
    subgroups: { min: info.subgroupMinSize, max: info.subgroupMaxSize, used: caps.subgroupSize ?? null },
    measured: { multiplyAddGflops: round(gflops), copyGBs: round(bandwidth) },
    node: process.version,
  };
}

const round = (n: number) => Number(n.toPrecision(3));

export async function doctor(options: GpuOption & { json?: string }): Promise<void> {
  if (options.json !== undefined) await requireWritableFile(options.json);
  const result = await withGpu(options, report);
  const { adapter, limits, subgroups, measured } = result;
  const rows: [string, string][] = [
    ["adapter", `${adapter.device || adapter.vendor} (${adapter.vendor} ${adapter.architecture}, ${adapter.class})`],
    ["driver", `${adapter.driver}${result.driverSource ? ` (${result.driverSource})` : ""}`],
    ["features", result.used.join(", ") || "none of the optional ones that kernels use"],
    ["subgroup size", subgroups.used ? String(subgroups.used) : `not used (${subgroups.min} to ${subgroups.max})`],
    [
      "storage binding",
      `${formatBytes(limits.maxStorageBufferBindingSize)}, ${limits.maxStorageBuffersPerShaderStage} a shader`,
    ],
    ["buffer", formatBytes(limits.maxBufferSize)],
    [
      "workgroup",
      `${limits.maxComputeInvocationsPerWorkgroup} threads, ${formatBytes(limits.maxComputeWorkgroupStorageSize)} of shared memory`,
    ],
    ["multiply-add peak", `${measured.multiplyAddGflops} GFLOP/s (f32)`],
    ["copy bandwidth", `${measured.copyGBs} GB/s`],
  ];
  for (const [name, value] of rows) console.log(`${name.padEnd(18)} ${value}`);
  if (options.json !== undefined) await writeWhole(options.json, `${JSON.stringify(result, null, 2)}\n`);
}
