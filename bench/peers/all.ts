/** Every peer, in the order of the tables. */
import { peer as jaxJs } from "./jax-js/peer.ts";
import type { Peer } from "./peer.ts";
import { peer as tfjsWasm } from "./tfjs-wasm/peer.ts";
import { peer as tfjsWebgpu } from "./tfjs-webgpu/peer.ts";

export const allPeers: readonly Peer[] = [tfjsWebgpu, jaxJs, tfjsWasm];
