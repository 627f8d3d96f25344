/**
 * TensorFlow.js on WebAssembly with SIMD: on the CPU, one thread, since its threads do not start on Node. It has no gradient
 * of a convolution's weights, so it takes part in forward passes only.
 */
import path from "node:path";
import wasm from "@tensorflow/tfjs-backend-wasm";
import { packageRoot } from "../../../src/node/files.ts";
import { createInference } from "../tfjs/inference.ts";
import { createKernel, type Session } from "../tfjs/kernels.ts";
import { tf, useBackend } from "../tfjs/library.ts";
import { packageVersion } from "../version.ts";
import type { Peer } from "../peer.ts";

let ready = false;

async function session(): Promise<Session> {
  if (!ready) {
    tf.enableProdMode();
    wasm.setWasmPaths(path.join(packageRoot, "node_modules/@tensorflow/tfjs-backend-wasm/dist/"));
    ready = true;
  }
  await useBackend("wasm");
  // Its operations are synchronous.
  return { use: () => useBackend("wasm"), idle: () => Promise.resolve() };
}

export const peer: Peer = {
  name: "tfjs-wasm",
  version: packageVersion("@tensorflow/tfjs-backend-wasm"),
  covers: (c) => c.kind === "conv2d" && c.pass === "forward",
  createInference: async (_, setup) => createInference(await session(), setup),
  createKernel: async (_, c, operands) => createKernel(await session(), c, operands),
};
