/** All variants of a kernel, for those who compare them: the tuner. Everything that plans load when they need it is imported here. */
import type { Capabilities } from "../gpu/capabilities.ts";
import * as others from "./conv2d-others.ts";
import { others as othersLater, winograd as winogradLater } from "./conv2d-order.ts";
import { contextOf, type Kernel, type Lowering } from "./kernel.ts";
import * as winograd from "./winograd.ts";

/** The variants that an adapter can run, also those that a plan would never choose without having measured them. */
export function everyVariant(kernel: Kernel, caps: Capabilities): Lowering[] {
  othersLater.give(others);
  winogradLater.give(winograd);
  return kernel.lower(contextOf(caps, { every: true }));
}
