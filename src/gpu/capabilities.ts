/** What an adapter offers, in the terms that kernels choose their variants by. */

/** The classes of adapter for which a fixed choice of kernel variants is kept. */
export type AdapterClass = "software" | "integrated" | "discrete";

export interface Capabilities {
  readonly adapterClass: AdapterClass;
  /** Lanes of a subgroup, when subgroups are enabled and the adapter has one size only; undefined otherwise. */
  readonly subgroupSize: number | undefined;
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
  /** Not the adapter's: in a plan of inference, what depends on weights alone is computed once, and so costs nothing. */
  readonly frozen?: boolean;
  /** Nor this: in such a plan, convolutions store their weights in half precision. */
  readonly half?: boolean;
}

/** The optional WebGPU features that kernels can make use of. */
export const usefulFeatures = ["subgroups", "shader-f16", "timestamp-query"] as const;
export type UsefulFeature = (typeof usefulFeatures)[number];

/** What to hide of a device, to run what a lesser adapter would run. */
export interface Restrictions {
  /** Features to leave out although the adapter has them. */
  without?: readonly UsefulFeature[];
  /** Keep to the limits that WebGPU promises on every adapter, although this one has higher ones. */
  defaultLimits?: boolean;
  /** Bytes that one storage binding may span, where that is to be less than the adapter allows. */
  maxBindingBytes?: number | undefined;
}

/** Reads the capabilities of a device, less what is to be hidden. */
export function readCapabilities(device: GPUDevice, info: GPUAdapterInfo, restrictions: Restrictions = {}) {
  const { without = [], maxBindingBytes = Infinity } = restrictions;
  const has = (feature: UsefulFeature) => device.features.has(feature) && !without.includes(feature);
  const { limits } = device;
  const { subgroupMinSize: min, subgroupMaxSize: max } = info;
  const caps: Capabilities = {
    adapterClass: adapterClass(info),
    subgroupSize: has("subgroups") && min === max && min !== undefined && min >= 4 ? min : undefined,
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

function adapterClass(info: GPUAdapterInfo): AdapterClass {
  const text = `${info.vendor} ${info.architecture} ${info.device} ${info.description}`.toLowerCase();
  if (info.isFallbackAdapter || /llvmpipe|swiftshader|lavapipe/.test(text)) return "software";
  return /nvidia|radeon rx|arc\b/.test(text) ? "discrete" : "integrated";
}
