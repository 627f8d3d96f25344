/** The compute worker, and what is known of the adapter. */
import { signal } from "@preact/signals";
import { keep, kept } from "./kept.ts";
import { messageOf } from "./messages.ts";
import { connect, type RemoteApi } from "../worker/rpc.ts";
import { startWorker } from "./start-worker.ts";
import type { AdapterInfo, ComputeApi, ParityRow } from "../worker/compute.ts";
import parityCase from "../../test/reference/data/mganet-small.safetensors?url";

export type AdapterState =
  { kind: "opening" } | { kind: "ready"; adapter: AdapterInfo } | { kind: "missing"; reason: string };

export type ParityState =
  | { kind: "unknown" }
  | { kind: "running" }
  | { kind: "done"; agrees: boolean; rows: readonly ParityRow[]; date: string }
  | { kind: "failed"; reason: string };

export const adapter = signal<AdapterState>({ kind: "opening" });
export const parity = signal<ParityState>({ kind: "unknown" });

let compute: RemoteApi<ComputeApi> | undefined;

/** The worker; started at its first use, and anew after it has failed. */
export function computeWorker(): RemoteApi<ComputeApi> {
  if (compute) return compute;
  const worker = startWorker("compute");
  compute = connect<ComputeApi>(worker, () => {
    worker.terminate();
    compute = undefined;
  });
  return compute;
}

/** Opens the adapter, and checks it once for each adapter and browser. */
export async function openAdapter(): Promise<void> {
  adapter.value = { kind: "opening" };
  try {
    adapter.value = { kind: "ready", adapter: await computeWorker().adapter() };
  } catch (error) {
    adapter.value = { kind: "missing", reason: messageOf(error) };
    return;
  }
  const kept = keptParity();
  if (kept) parity.value = kept;
  else await checkParity();
}

/** Runs the parity check. */
export async function checkParity(): Promise<void> {
  parity.value = { kind: "running" };
  try {
    const rows = await computeWorker().parity(new URL(parityCase, document.baseURI).href);
    const agrees = rows.every(({ error, bar }) => error <= bar);
    parity.value = { kind: "done", agrees, rows, date: new Date().toISOString().slice(0, 10) };
    if (agrees) keep("browser", parityKey()!, JSON.stringify(parity.value));
  } catch (error) {
    parity.value = { kind: "failed", reason: messageOf(error) };
  }
}

/** A result holds for one adapter, driver and version of the browser, all of which its name and the user agent tell. */
const parityKey = (): string | undefined =>
  adapter.value.kind === "ready"
    ? `parity ${adapter.value.adapter.name} ${adapter.value.adapter.details} ${navigator.userAgent}`
    : undefined;

function keptParity(): ParityState | undefined {
  const text = kept("browser", parityKey()!);
  try {
    return text === undefined ? undefined : (JSON.parse(text) as ParityState);
  } catch {
    return undefined; // Damaged: the check runs again.
  }
}
