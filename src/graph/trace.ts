/** Profiles in Chrome's trace format, for Perfetto (ui.perfetto.dev) and chrome://tracing. */
import { showShape } from "../kernels/kernel.ts";
import { isBackward, modulePath } from "./breakdown.ts";
import type { NodeProfile } from "./profile.ts";

/** One profiled plan. */
export interface NamedProfile {
  readonly name: string;
  readonly nodes: readonly NodeProfile[];
}

/** An event of the Trace Event Format: "X" has a duration, "M" names a process or a track. Times in microseconds. */
export interface TraceEvent {
  readonly ph: "X" | "M";
  readonly name: string;
  readonly cat?: string;
  readonly pid: number;
  readonly tid: number;
  readonly ts?: number;
  readonly dur?: number;
  readonly args: Readonly<Record<string, string | number>>;
}

const KERNEL_TRACK = 1;
const MODULE_TRACK = 2;

/**
 * Each plan is a process with two tracks: its kernels one after the other, and above each kernel the nested modules it
 * belongs to.
 */
export function chromeTrace(profiles: readonly NamedProfile[]): { traceEvents: TraceEvent[]; displayTimeUnit: "ms" } {
  const traceEvents = profiles.flatMap(({ name, nodes }, i) => {
    const pid = i + 1;
    const label = (what: string, tid: number, name: string): TraceEvent => {
      return { ph: "M", name: what, pid, tid, args: { name } };
    };
    const names = [
      label("process_name", 0, name),
      label("thread_name", KERNEL_TRACK, "kernels"),
      label("thread_name", MODULE_TRACK, "modules"),
    ];
    return [...names, ...kernelEvents(nodes, pid), ...moduleEvents(nodes, pid)];
  });
  return { traceEvents, displayTimeUnit: "ms" };
}

const us = (ms: number): number => Math.round(1e6 * ms) / 1e3;

function span(name: string, cat: string, pid: number, tid: number, [begin, end]: Span, args: TraceEvent["args"] = {}) {
  return { ph: "X", name, cat, pid, tid, ts: us(begin), dur: us(Math.max(0, end - begin)), args } satisfies TraceEvent;
}

type Span = [begin: number, end: number];

/** When each node runs. By the clock, one may begin before the previous one ends; tracks cannot show that. */
function spansOf(nodes: readonly NodeProfile[]): Span[] {
  let last = 0;
  return nodes.map(({ begin, end }) => {
    const from = Math.max(last, begin);
    last = Math.max(from, end);
    return [from, last];
  });
}

function kernelEvents(nodes: readonly NodeProfile[], pid: number): TraceEvent[] {
  const spans = spansOf(nodes);
  return nodes.map(({ node, kernel, layer, dispatches, begin, end, flops, bytes }, i) => {
    const seconds = Math.max(end - begin, 1e-6) / 1e3;
    const rates = { ...(flops > 0 ? { "GFLOP/s": round(flops / seconds / 1e9) } : {}) };
    return span(kernel, isBackward(layer) ? "backward" : "forward", pid, KERNEL_TRACK, spans[i]!, {
      layer,
      inputs: node.inputs.map(({ shape }) => showShape(shape)).join(" "),
      outputs: node.outputs.map(({ shape }) => showShape(shape)).join(" "),
      dispatches,
      ...rates,
      "GB/s": round(bytes / seconds / 1e9),
    });
  });
}

const round = (n: number): number => Number(n.toPrecision(4));

function moduleEvents(nodes: readonly NodeProfile[], pid: number): TraceEvent[] {
  const events: TraceEvent[] = [];
  const open: { name: string; span: Span }[] = [];
  const close = (depth: number) => {
    for (const { name, span: time } of open.splice(depth)) events.push(span(name, "module", pid, MODULE_TRACK, time));
  };
  const spans = spansOf(nodes);
  for (const [i, { layer }] of nodes.entries()) {
    const modules = modulePath(layer);
    const path = isBackward(layer) ? ["backward", ...modules] : modules;
    const different = path.findIndex((name, depth) => open[depth]?.name !== name);
    close(different < 0 ? path.length : different);
    const [begin, end] = spans[i]!;
    for (const entry of open) entry.span[1] = end;
    for (const name of path.slice(open.length)) open.push({ name, span: [begin, end] });
  }
  close(0);
  return events;
}
