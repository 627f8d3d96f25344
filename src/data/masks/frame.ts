/** Removes lines along the borders of a mask, left by a frame or a scanner's edge. */

/** Maximum thickness of a line, as a share of the shorter side; two pixels are always allowed. */
const THICK = 0.02;
/** A line lights at least this share of a border; the pixels beyond it light less than half. */
const ALONG = 0.9;
const BEYOND = 0.5;

/** Clears the lines along the borders of a layer. @returns how many of the four borders have one */
export function clearFrame(layer: Uint8Array, width: number, height: number): number {
  const most = Math.max(2, Math.round(THICK * Math.min(width, height)));
  /** The indices of the pixels `depth` away from a border. */
  const borders: ((depth: number) => { from: number; step: number; count: number })[] = [
    (d) => ({ from: d * width, step: 1, count: width }),
    (d) => ({ from: (height - 1 - d) * width, step: 1, count: width }),
    (d) => ({ from: d, step: width, count: height }),
    (d) => ({ from: width - 1 - d, step: width, count: height }),
  ];
  if (2 * most >= Math.min(width, height)) return 0;
  const lit = (line: { from: number; step: number; count: number }) => {
    let count = 0;
    for (let i = 0; i < line.count; i++) count += layer[line.from + i * line.step]! === 0 ? 0 : 1;
    return count / line.count;
  };
  // Find all before clearing any: they meet at the corners.
  const lines = borders.flatMap((at) => {
    let depth = 0;
    while (depth <= most && lit(at(depth)) >= ALONG) depth++;
    const isLine = depth > 0 && depth <= most && lit(at(depth)) < BEYOND;
    return isLine ? [Array.from({ length: depth }, (_, d) => at(d))] : [];
  });
  for (const { from, step, count } of lines.flat()) for (let i = 0; i < count; i++) layer[from + i * step] = 0;
  return lines.length;
}
