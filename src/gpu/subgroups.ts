/**
 * The subgroup size that kernels run with. Kernels that use subgroups are written for a known size. Some adapters have several
 * (AMD's RDNA 32 and 64, Intel's 8 to 32) and choose one per shader, unless the shader asks for one, for which WebGPU has
 * `subgroup-size-control`.
 */

/** A size that both AMD and Intel have. A guess: where an adapter has several, none has been measured. */
const PREFERRED_LANES = 32;
/** The smallest size that the kernels work with. */
const LEAST_LANES = 4;

export interface Subgroups {
  /** Lanes of a subgroup; undefined where kernels cannot rely on a size. */
  readonly size: number | undefined;
  /** Whether a shader gets this size only if it asks for it. */
  readonly pinned: boolean;
}

/** @param has whether the device has a feature */
export function subgroupsOf(
  { subgroupMinSize: min, subgroupMaxSize: max }: Partial<Pick<GPUAdapterInfo, "subgroupMinSize" | "subgroupMaxSize">>,
  has: (feature: "subgroups" | "subgroup-size-control") => boolean,
): Subgroups {
  const none = { size: undefined, pinned: false };
  if (!has("subgroups") || min === undefined || max === undefined || max < LEAST_LANES) return none;
  if (min === max) return { size: min, pinned: false };
  if (!has("subgroup-size-control")) return none;
  return { size: Math.min(Math.max(PREFERRED_LANES, min), max), pinned: true };
}

/**
 * Makes a shader ask for subgroups of `lanes`, if it uses subgroups at all. Its workgroup's first size must be a multiple of
 * that; here it is equal to it.
 */
export function pinSubgroupSize(code: string, lanes: number): string {
  if (!code.includes("enable subgroups;")) return code;
  return code
    .replace("enable subgroups;", "enable subgroups; enable subgroup_size_control;")
    .replace("@compute", `@compute @subgroup_size(${lanes})`);
}
