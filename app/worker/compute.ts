/** The worker that owns the GPU: parity, training, prediction. The page stays free to scroll while it computes. */
import { parseSafetensors } from "../../src/data/safetensors.ts";
import { Gpu, GpuError } from "../../src/gpu/gpu.ts";
import type { Capabilities } from "../../src/gpu/capabilities.ts";
import { compareCase, runCase } from "../../src/models/parity.ts";
import { serve, type CallContext, type Methods } from "./rpc.ts";

/** The adapter, in plain data. */
export interface AdapterInfo {
  name: string;
  /** Vendor, architecture and device, for records. */
  details: string;
  caps: Capabilities;
}

/** One compared quantity of the parity check. */
export interface ParityRow {
  what: string;
  error: number;
  bar: number;
}

let opening: Promise<Gpu> | undefined;

/** The device, opened once. */
function gpu(): Promise<Gpu> {
  opening ??= open().catch((error: unknown) => {
    opening = undefined;
    throw error;
  });
  return opening;
}

async function open(): Promise<Gpu> {
  const found = (navigator as Partial<Navigator>).gpu;
  if (!found) throw new GpuError("this browser has no WebGPU");
  return Gpu.create(await found.requestAdapter({ powerPreference: "high-performance" }));
}

async function fetchBytes(url: string): Promise<Uint8Array> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: ${response.status} ${response.statusText}`);
  return new Uint8Array(await response.arrayBuffer());
}

const api = {
  async adapter(_: CallContext<never>): Promise<AdapterInfo> {
    const { name, info, caps } = await gpu();
    const { vendor, architecture, device } = info;
    return { name, details: [vendor, architecture, device].filter(Boolean).join(" "), caps };
  },

  /** Compares a training step and an inference with PyTorch's in float64. @param url where the case lies */
  async parity(url: string, _: CallContext<never>): Promise<ParityRow[]> {
    const { metadata, tensors } = parseSafetensors(await fetchBytes(url), "the parity case");
    const results = await runCase(await gpu(), metadata, tensors);
    return compareCase(results, metadata, tensors).map(({ what, error, bar }) => ({ what, error, bar }));
  },
} satisfies Methods;

export type ComputeApi = typeof api;

serve(api);
