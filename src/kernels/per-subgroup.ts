/** Kernels of one dispatch in which each subgroup computes one item. */
import type { Capabilities } from "../gpu/capabilities.ts";
import type { Dispatch, Lowering } from "./kernel.ts";

/** A lowering of one dispatch in which one subgroup, its own workgroup, computes each of `items`; none if the adapter cannot. */
export function perSubgroup(
  { subgroupSize, maxWorkgroups }: Capabilities,
  items: number,
  dispatch: Omit<Dispatch, "code" | "workgroups">,
  code: (subgroup: number) => string,
): Lowering[] {
  if (subgroupSize === undefined || items > maxWorkgroups) return [];
  const dispatches = [{ ...dispatch, code: code(subgroupSize), workgroups: [items, 1, 1] as const }];
  return [{ variant: "subgroup", scratch: [], dispatches }];
}
