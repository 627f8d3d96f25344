/** The networks that jax-js can compute: all of them. */
import type { NetworkName } from "../../shared-networks.ts";
import { mganet } from "./mganet.ts";
import type { JaxNetwork } from "./network.ts";
import { resnext } from "./resnext.ts";
import { vgg } from "./vgg.ts";
import { vit } from "./vit.ts";

export const jaxNetworks: Readonly<Record<NetworkName, JaxNetwork>> = {
  mganet,
  vgg16_bn: vgg,
  resnext50_32x4d: resnext,
  "resnext50-ungrouped": resnext,
  vit_b_16: vit,
};
