/** What an adapter offers, in the terms by which kernels choose their variants. */
import { subgroupsOf } from "./subgroups.ts";

/** The classes of adapter, each with its own fixed choice of kernel variants. */
export type AdapterClass = "software" | "integrated" | "discrete";

/** What an adapter can do, as far as kernels depend on it. */
export interface Capabilities {
  readonly adapterClass: AdapterClass;
  /** Lanes of a subgroup; undefined without subgroups, or where their size varies and cannot be pinned. */
  readonly subgroupSize: number | undefined;
  /** Whether the adapter has several sizes, so that a shader has to ask for `subgroupSize`; `Gpu.pipeline` does so. */
  readonly pinsSubgroupSize: boolean;
  readonly f16: boolean;
  readonly timestamps: boolean;
  /** Bytes that one storage binding may span. */
  readonly maxBindingBytes: number;
  readonly maxBufferBytes: number;
  readonly maxStorageBuffers: number;
  readonly maxWorkgroupBytes: number;
  readonly maxInvocations: number;
  /** Workgroups in one dimension of a dispatch. */
  readonly maxWorkgroups: number;
  /** Alignment in bytes of a storage binding's offset. */
  readonly offsetAlignment: number;
}

/** The optional WebGPU features that kernels can use. */
export const usefulFeatures = ["subgroups", "shader-f16", "timestamp-query", "subgroup-size-control"] as const;
export type UsefulFeature = (typeof usefulFeatures)[number];

/** What to hide of a device, to run as a lesser adapter would. */
export interface Restrictions {
  /** Features to leave out although the adapter has them. */
  without?: readonly UsefulFeature[];
  /** Keep to the limits that WebGPU guarantees on every adapter, even where this one's are higher. */
  defaultLimits?: boolean;
  /** Bytes that one storage binding may span, if less than the adapter allows. */
  maxBindingBytes?: number | undefined;
}

/** The features to request of an adapter; `subgroup-size-control` (it implies `subgroups`) only where there are several sizes. */
export function featuresOf(
  { features, info }: Pick<GPUAdapter, "features" | "info">,
  { without = [] }: Restrictions,
): UsefulFeature[] {
  const hidden = new Set<UsefulFeature>(without);
  if (hidden.has("subgroups") || info.subgroupMinSize === info.subgroupMaxSize) hidden.add("subgroup-size-control");
  return usefulFeatures.filter((feature) => features.has(feature) && !hidden.has(feature));
}

/** Reads the capabilities of a device, minus what is to be hidden. */
export function readCapabilities(device: GPUDevice, info: GPUAdapterInfo, restrictions: Restrictions = {}) {
  const { without = [], maxBindingBytes = Infinity } = restrictions;
  const has = (feature: UsefulFeature) => device.features.has(feature) && !without.includes(feature);
  const { limits } = device;
  const subgroups = subgroupsOf(info, has);
  const caps: Capabilities = {
    adapterClass: adapterClass(info),
    subgroupSize: subgroups.size,
    pinsSubgroupSize: subgroups.pinned,
    f16: has("shader-f16"),
    timestamps: has("timestamp-query"),
    maxBindingBytes: Math.min(limits.maxStorageBufferBindingSize, maxBindingBytes),
    maxBufferBytes: limits.maxBufferSize,
    maxStorageBuffers: limits.maxStorageBuffersPerShaderStage,
    maxWorkgroupBytes: limits.maxComputeWorkgroupStorageSize,
    maxInvocations: limits.maxComputeInvocationsPerWorkgroup,
    maxWorkgroups: limits.maxComputeWorkgroupsPerDimension,
    offsetAlignment: Math.max(limits.minStorageBufferOffsetAlignment, 256),
  };
  return caps;
}

/** Those of a software adapter with WebGPU's default limits and no optional feature. */
export const leastCapabilities: Capabilities = {
  adapterClass: "software",
  subgroupSize: undefined,
  pinsSubgroupSize: false,
  f16: false,
  timestamps: false,
  maxBindingBytes: 2 ** 27,
  maxBufferBytes: 2 ** 28,
  maxStorageBuffers: 8,
  maxWorkgroupBytes: 2 ** 14,
  maxInvocations: 256,
  maxWorkgroups: 65535,
  offsetAlignment: 256,
};

function adapterClass(info: GPUAdapterInfo): AdapterClass {
  const text = `${info.vendor} ${info.architecture} ${info.device} ${info.description}`.toLowerCase();
  if (info.isFallbackAdapter || /llvmpipe|swiftshader|lavapipe/.test(text)) return "software";
  return /nvidia|radeon rx|arc\b/.test(text) ? "discrete" : "integrated";
}
