/** Groups images that must stay on one side of a split. */
import type { Label } from "./sample.ts";

export interface SplitItem {
  /** Patient or case. */
  group: string;
  label: Label;
  /** Equal for images with equal content, such as a digest of the pixels; two cases that share an image stay together. */
  content?: string;
}

/** Indices of two items that stay together. */
export type Tie = readonly [number, number];

/**
 * Clusters of item indices (union-find), in order of first item: no two clusters share a group or content, or are tied.
 */
export function connected(items: readonly SplitItem[], ties: readonly Tie[] = []): number[][] {
  const parent = items.map((_, i) => i);
  const root = (i: number): number => {
    while (parent[i] !== i) i = parent[i] = parent[parent[i]!]!;
    return i;
  };
  const first = new Map<string, number>();
  items.forEach(({ group, content }, i) => {
    for (const key of content === undefined ? [`g${group}`] : [`g${group}`, `c${content}`]) {
      const other = first.get(key);
      if (other === undefined) first.set(key, i);
      else parent[root(i)] = root(other);
    }
  });
  for (const [a, b] of ties) parent[root(b)] = root(a);
  const clusters = new Map<number, number[]>();
  items.forEach((_, i) => {
    const members = clusters.get(root(i));
    if (members) members.push(i);
    else clusters.set(root(i), [i]);
  });
  return [...clusters.values()];
}
