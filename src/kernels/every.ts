/** All variants of a kernel, for those who compare them: the tuner. */
import type { Capabilities } from "../gpu/capabilities.ts";
import * as batchNormSubgroup from "./batchnorm-subgroup.ts";
import { contextOf, type Kernel, type Lowering } from "./kernel.ts";
import * as seldom from "./seldom.ts";
import * as winograd from "./winograd.ts";

/** The variants that an adapter can run, also those that no plan would choose without having measured them; the plain one last. */
export const everyVariant = (kernel: Kernel, caps: Capabilities): Lowering[] =>
  kernel.lower(contextOf(caps, { loaded: { seldom, winograd, "batchnorm-subgroup": batchNormSubgroup } }));
