/** Places tensors with known lifetimes in as little memory as it can. */

export interface Lifetime {
  readonly bytes: number;
  /** Steps of the plan, both inclusive, between which the memory is in use. */
  readonly first: number;
  readonly last: number;
}

export interface MemoryPlan {
  /** For each request: the page it lies in and its offset there, in bytes. */
  readonly places: readonly { readonly page: number; readonly offset: number }[];
  /** Bytes of each page. */
  readonly pages: readonly number[];
  /** The largest sum of bytes in use at one step: no plan needs less. */
  readonly lowerBound: number;
}

/** Sort keys for placing requests, largest first: each does best on some graphs. */
const orders: readonly ((bytes: number, steps: number, first: number) => number)[] = [
  (bytes) => bytes,
  (bytes, steps) => bytes * steps,
  (_, steps) => steps,
  (bytes, _, first) => -first + bytes * 1e-12,
];
/** A plan this close to the lower bound is good enough to stop searching. */
const CLOSE_TO_BOUND_RATIO = 1.01;

/**
 * Greedy in several orders, of which the best wins: each request goes to the lowest offset where it overlaps none that is
 * alive at the same time. Requests are aligned to `alignment` bytes and pages hold at most `pageBytes`.
 */
export function planMemory(requests: readonly Lifetime[], alignment: number, pageBytes: number): MemoryPlan {
  const sizes = requests.map((r) => Math.ceil(Math.max(r.bytes, 1) / alignment) * alignment);
  const bound = lowerBound(requests, sizes);
  let best: MemoryPlan | undefined;
  let least = Infinity;
  for (const weigh of orders) {
    const weights = requests.map(({ first, last }, i) => weigh(sizes[i]!, last - first + 1, first));
    const order = requests
      .map((_, i) => i)
      .sort((a, b) => weights[b]! - weights[a]! || requests[a]!.first - requests[b]!.first);
    const plan = place(requests, sizes, order, pageBytes);
    const bytes = plan.pages.reduce((a, b) => a + b, 0);
    if (bytes < least) [best, least] = [{ ...plan, lowerBound: bound }, bytes];
    if (least <= CLOSE_TO_BOUND_RATIO * bound) break;
  }
  return best!;
}

function place(
  requests: readonly Lifetime[],
  sizes: readonly number[],
  order: readonly number[],
  pageBytes: number,
): Omit<MemoryPlan, "lowerBound"> {
  const places: { page: number; offset: number }[] = [];
  const pages: number[] = [];
  // Placed requests of each page, by offset.
  const placed: number[][] = [];
  for (const i of order) {
    const { first, last } = requests[i]!;
    const size = sizes[i]!;
    if (size > pageBytes) throw new RangeError(`a request of ${size} bytes exceeds a page of ${pageBytes}`);
    for (let page = 0; ; page++) {
      if (page === pages.length) {
        pages.push(0);
        placed.push([]);
      }
      const neighbours = placed[page]!.filter((j) => requests[j]!.first <= last && requests[j]!.last >= first);
      let offset = 0;
      for (const j of neighbours) {
        const begin = places[j]!.offset;
        if (begin >= offset + size) break;
        offset = Math.max(offset, begin + sizes[j]!);
      }
      if (offset + size > pageBytes) continue;
      places[i] = { page, offset };
      pages[page] = Math.max(pages[page]!, offset + size);
      const list = placed[page]!;
      const at = list.findIndex((j) => places[j]!.offset > offset);
      list.splice(at < 0 ? list.length : at, 0, i);
      break;
    }
  }
  return { places, pages };
}

/** The largest sum of bytes in use at one step. */
export function lowerBound(
  requests: readonly Lifetime[],
  sizes: readonly number[] = requests.map(({ bytes }) => bytes),
): number {
  const change = new Map<number, number>();
  for (const [i, { first, last }] of requests.entries()) {
    change.set(first, (change.get(first) ?? 0) + sizes[i]!);
    change.set(last + 1, (change.get(last + 1) ?? 0) - sizes[i]!);
  }
  let live = 0;
  let most = 0;
  for (const [, bytes] of [...change].sort(([a], [b]) => a - b)) {
    live += bytes;
    most = Math.max(most, live);
  }
  return most;
}
