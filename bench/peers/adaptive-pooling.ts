/** PyTorch's adaptive average pooling as a product with a constant matrix, for libraries that do not have it. */

/** How much each pixel of a map contributes to each pixel of the pooled one, [h w, oh ow]. */
export function poolingWeights([h, w]: readonly [number, number], [oh, ow]: readonly [number, number]) {
  const [rows, columns] = [shares(h, oh), shares(w, ow)];
  const weights = new Float32Array(h * w * oh * ow);
  for (let i = 0; i < h * w; i++)
    for (let o = 0; o < oh * ow; o++)
      weights[i * oh * ow + o] = rows[Math.floor(i / w)]![Math.floor(o / ow)]! * columns[i % w]![o % ow]!;
  return weights;
}

/** By place along one side: window o is from floor(o from / to) to ceil((o + 1) from / to). */
const shares = (from: number, to: number): number[][] =>
  Array.from({ length: from }, (_, i) =>
    Array.from({ length: to }, (_, o) => {
      const [begin, end] = [Math.floor((o * from) / to), Math.ceil(((o + 1) * from) / to)];
      return i >= begin && i < end ? 1 / (end - begin) : 0;
    }),
  );
