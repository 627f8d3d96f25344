/** Why a graph cannot become a plan. */
import { GpuError } from "../gpu/gpu.ts";

/** A graph or plan cannot be run as asked, such as one that needs more than the adapter has. */
export class PlanError extends GpuError {
  override name = "PlanError";

  constructor(message: string, { code = "plan", ...options }: ErrorOptions & { code?: "plan" | "limit" } = {}) {
    super(code, message, options);
  }
}
