/** What a result has to be read with. */
import { availableParallelism, cpus } from "node:os";
import type { Gpu } from "../src/gpu/gpu.ts";
import { readInput, packageRoot } from "../src/node/files.ts";
import type { Peer } from "./peers/peer.ts";
import type { Environment } from "./results.ts";

export async function environmentOf(gpu: Gpu, bandwidth: number, peers: readonly Peer[]): Promise<Environment> {
  const { vendor, architecture, device, description } = gpu.info;
  const { version } = JSON.parse(String(await readInput(`${packageRoot}/package.json`))) as { version: string };
  return {
    date: new Date().toISOString(),
    driver: [vendor, architecture, device, description].filter((text) => text && text !== gpu.name).join(", "),
    copyGBs: Number(bandwidth.toPrecision(3)),
    cpu: cpus()[0]?.model ?? "unknown",
    cores: availableParallelism(),
    node: process.version,
    lpNumThreads: process.env["LP_NUM_THREADS"] ?? null,
    ours: version,
    peers: Object.fromEntries(peers.map((peer) => [peer.name, peer.version])),
  };
}
