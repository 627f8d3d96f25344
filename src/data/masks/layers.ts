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

/** The pixels at the edge of an image, each once. */
export function borderOf(width: number, height: number): number[] {
  const border: number[] = [];
  for (let y = 0; y < height; y++) {
    const step = y === 0 || y === height - 1 || width === 1 ? 1 : width - 1;
    for (let x = 0; x < width; x += step) border.push(y * width + x);
  }
  return border;
}

/** The mask with its holes filled: every pixel that is lit, or not connected to the border through dark ones (4 neighbours). */
export function filled(mask: Uint8Array, width: number, height: number): Uint8Array {
  const outside = Uint8Array.from(mask, (lit) => (lit === 0 ? 0 : 1));
  const queue = borderOf(width, height).filter((i) => outside[i] === 0);
  for (const i of queue) outside[i] = 2;
  while (queue.length > 0) {
    const i = queue.pop()!;
    const x = i % width;
    const next = [x > 0 ? i - 1 : -1, x < width - 1 ? i + 1 : -1, i - width, i + width];
    for (const j of next) {
      if (j < 0 || j >= outside.length || outside[j] !== 0) continue;
      outside[j] = 2;
      queue.push(j);
    }
  }
  return outside.map((state) => (state === 2 ? 0 : 1));
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
