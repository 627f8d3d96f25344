/** All variants of a kernel, for those who compare them: the tuner. Everything that plans load when they need it is imported here. */
import type { Capabilities } from "../gpu/capabilities.ts";
import * as others from "./conv2d-others.ts";
import { others as laterOthers, winograd as laterWinograd } from "./conv2d-order.ts";
import { clipping as laterClipping } from "./gradient-norm.ts";
import * as clipping from "./gradient-norm-lowering.ts";
import { contextOf, type Kernel, type Lowering } from "./kernel.ts";
import * as winograd from "./winograd.ts";

/** The variants that an adapter can run, also those that a plan would never choose without having measured them. */
export function everyVariant(kernel: Kernel, caps: Capabilities): Lowering[] {
  laterOthers.give(others);
  laterWinograd.give(winograd);
  laterClipping.give(clipping);
  return kernel.lower(contextOf(caps, { every: true }));
}
