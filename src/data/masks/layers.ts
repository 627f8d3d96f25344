/** Basic morphology for mask layers. */

/** The mask without anything less than three pixels wide or high: the soft edges of another layer. */
export function opened(mask: Uint8Array, width: number, height: number): Uint8Array {
  const eroded = squares(mask, width, height, (n, of) => n === of);
  return squares(eroded, width, height, (n) => n > 0);
}

/** 1 where `keep` accepts the number of lit pixels in the 3 × 3 neighbourhood. */
function squares(
  mask: Uint8Array,
  width: number,
  height: number,
  keep: (lit: number, of: number) => boolean,
): Uint8Array {
  const result = new Uint8Array(mask.length);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      let [lit, of] = [0, 0];
      for (let v = Math.max(0, y - 1); v <= Math.min(height - 1, y + 1); v++) {
        for (let u = Math.max(0, x - 1); u <= Math.min(width - 1, x + 1); u++) {
          lit += mask[v * width + u]!;
          of++;
        }
      }
      result[y * width + x] = keep(lit, of) ? 1 : 0;
    }
  }
  return result;
}

/** A layer with less than this share of its outline along the background lies inside another. */
const FREE = 0.2;

/** Which layers lie inside another, as [inner, outer] pairs. Layers share no pixels. */
export function surrounded(layers: readonly Uint8Array[], width: number, height: number): [number, number][] {
  const labels = new Uint8Array(width * height);
  layers.forEach((layer, k) => layer.forEach((lit, i) => (labels[i] = lit === 0 ? labels[i]! : k + 1)));
  const contacts = Array.from({ length: layers.length + 1 }, () => new Float64Array(layers.length + 1));
  const touch = (a: number, b: number) => {
    if (a === b) return;
    contacts[a]![b]!++;
    contacts[b]![a]!++;
  };
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const i = y * width + x;
      if (x + 1 < width) touch(labels[i]!, labels[i + 1]!);
      if (y + 1 < height) touch(labels[i]!, labels[i + width]!);
    }
  }
  return contacts.flatMap((row, k): [number, number][] => {
    const all = row.reduce((sum, n) => sum + n, 0);
    if (k === 0 || all === 0 || row[0]! >= FREE * all) return [];
    const others = row.map((n, other) => (other === 0 ? 0 : n));
    return [[k - 1, others.indexOf(Math.max(...others)) - 1]];
  });
}
