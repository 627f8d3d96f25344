/** A profile summed by kernel and by layer. */
import type { NodeProfile } from "./profile.ts";

/** What some nodes cost together. */
export interface Share {
  /** Kernel and variant, or path of a module; "" for what no module recorded. */
  readonly name: string;
  /** Kernel calls. */
  readonly calls: number;
  readonly ms: number;
  /** Milliseconds of these in the backward pass. */
  readonly backwardMs: number;
  /** Floating-point operations of the nodes that count them, and the milliseconds of those nodes alone. */
  readonly flops: number;
  readonly flopsMs: number;
  readonly bytes: number;
}

/** Sums over the nodes of each name, longest first. */
function shares(nodes: readonly NodeProfile[], nameOf: (node: NodeProfile) => string): Share[] {
  const groups = new Map<string, NodeProfile[]>();
  for (const node of nodes) {
    const name = nameOf(node);
    const group = groups.get(name);
    if (group) group.push(node);
    else groups.set(name, [node]);
  }
  return [...groups].map(([name, group]) => total(name, group)).sort((a, b) => b.ms - a.ms);
}

/** The sum over nodes, under a name. */
export function total(name: string, nodes: readonly NodeProfile[]): Share {
  const sum = (value: (node: NodeProfile) => number) => nodes.reduce((all, node) => all + value(node), 0);
  return {
    name,
    calls: nodes.length,
    ms: sum(({ ms }) => ms),
    backwardMs: sum(({ ms, layer }) => (isBackward(layer) ? ms : 0)),
    flops: sum(({ flops }) => flops),
    flopsMs: sum(({ flops, ms }) => (flops > 0 ? ms : 0)),
    bytes: sum(({ bytes }) => bytes),
  };
}

export const byKernel = (nodes: readonly NodeProfile[]): Share[] => shares(nodes, ({ kernel }) => kernel);

/**
 * By module, forward and backward together, as finely as `most` rows allow: the modules that take longest are divided
 * into their parts first.
 */
export function byLayer(nodes: readonly NodeProfile[], most: number): Share[] {
  const open = new Map<string, NodeProfile[]>([["", [...nodes]]]);
  const closed = new Set<string>();
  for (;;) {
    const candidates = [...open].filter(([name]) => !closed.has(name));
    if (candidates.length === 0) break;
    const time = (group: readonly NodeProfile[]) => group.reduce((sum, { ms }) => sum + ms, 0);
    const [name, group] = candidates.reduce((a, b) => (time(b[1]) > time(a[1]) ? b : a));
    closed.add(name);
    const depth = name === "" ? 0 : name.split(".").length;
    const parts = new Map<string, NodeProfile[]>();
    for (const node of group) {
      const part = modulePath(node.layer)
        .slice(0, depth + 1)
        .join(".");
      parts.set(part, [...(parts.get(part) ?? []), node]);
    }
    if (open.size - 1 + parts.size > most) continue;
    open.delete(name);
    for (const [part, inside] of parts) {
      open.set(part, inside);
      // What the module itself recorded cannot be divided.
      if (part !== name) closed.delete(part);
    }
  }
  return [...open].map(([name, group]) => total(name, group)).sort((a, b) => b.ms - a.ms);
}

/** Gradients are recorded under their layer's path with a trailing prime (src/autograd/gradients.ts). */
export const isBackward = (layer: string): boolean => layer.endsWith("'");

/** "classifier.layer1.0'" -> classifier, layer1, 0. */
export const modulePath = (layer: string): string[] => layer.replace(/'+$/, "").split(".").filter(Boolean);
