/** The modules that `compile` has loaded for the kernels of a plan, with their types. */
import type * as batchNormSubgroup from "./batchnorm-subgroup.ts";
import type { LoweringContext, KernelModule } from "./kernel.ts";
import type * as seldom from "./seldom.ts";
import type * as winograd from "./winograd.ts";

interface Modules {
  seldom: typeof seldom;
  winograd: typeof winograd;
  "batchnorm-subgroup": typeof batchNormSubgroup;
}

/** A module that a kernel `needs`. @throws Error where it was not loaded */
export function requireLoaded<Name extends KernelModule>(name: Name, context: LoweringContext): Modules[Name] {
  const module = loadedOf(name, context);
  if (module) return module;
  throw new Error(`a kernel is lowered without the module that it needs, ${name}`);
}

/** A module; undefined where it was not loaded. */
export const loadedOf = <Name extends KernelModule>(
  name: Name,
  { loaded }: LoweringContext,
): Modules[Name] | undefined => loaded[name] as Modules[Name] | undefined;
