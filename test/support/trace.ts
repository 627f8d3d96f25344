import { expect } from "vitest";
import type { TraceEvent } from "../../src/graph/trace.ts";

/** Checks what viewers require of a trace: https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU */
export function expectTrace(trace: { traceEvents: TraceEvent[] }): void {
  const tracks = new Map<string, TraceEvent[]>();
  const named = new Set<string>();
  for (const event of trace.traceEvents) {
    expect(["X", "M"]).toContain(event.ph);
    const track = `${event.pid}.${event.tid}`;
    if (event.ph === "M") {
      expect(event.args).toMatchObject({ name: expect.stringMatching(/./) as string });
      named.add(track);
      continue;
    }
    expect(event.name).not.toBe("");
    expect(Number.isFinite(event.ts) && event.ts! >= 0 && Number.isFinite(event.dur) && event.dur! >= 0).toBe(true);
    tracks.set(track, [...(tracks.get(track) ?? []), event]);
  }
  expect(tracks.size).toBeGreaterThan(0);
  for (const [track, events] of tracks) {
    expect(named, `name of track ${track}`).toContain(track);
    // Slices of a track either follow each other or nest.
    const open: number[] = [];
    for (const { ts, dur } of [...events].sort((a, b) => a.ts! - b.ts! || b.dur! - a.dur!)) {
      while (open.length > 0 && open.at(-1)! <= ts! + 1e-3) open.pop();
      if (open.length > 0) expect(ts! + dur!).toBeLessThanOrEqual(open.at(-1)! + 2e-3);
      open.push(ts! + dur!);
    }
  }
}
