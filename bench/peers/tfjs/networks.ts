/** The networks that tfjs can compute. */
import type { NetworkName } from "../../shared-networks.ts";
import { UnableError } from "../peer.ts";
import { mganet } from "./mganet.ts";
import type { TfjsNetwork } from "./network.ts";
import { resnext } from "./resnext.ts";
import { vgg } from "./vgg.ts";
import { vit } from "./vit.ts";

const networks: Readonly<Partial<Record<NetworkName, TfjsNetwork>>> = {
  mganet,
  vgg16_bn: vgg,
  "resnext50-ungrouped": resnext,
  vit_b_16: vit,
};

/** @throws UnableError */
export function networkOf(name: NetworkName): TfjsNetwork {
  const network = networks[name];
  if (network) return network;
  throw new UnableError(
    "tfjs has no convolutions in groups; resnext50-ungrouped compares the same network without them",
  );
}
