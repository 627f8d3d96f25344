/** Finds how many bits of each word are in use: cameras and devices with 10 to 14 bits save 16-bit words. */

/** Bit depths used in practice. */
const DEPTHS = [8, 10, 12, 14];

/**
 * How many bits are in use when unsigned levels are stored in wider words: 12 bits in 16 would look black.
 *
 * Fewer than `declared` are certain if the levels stay within a 16th of the declared range and reach the upper quarter of a
 * common depth; or, in 16-bit words, if the greatest level is white in such a depth, within a 256th. A picture that reaches the
 * upper quarter of 14 bits could equally be a dim one of 16.
 *
 * @returns `declared` if most bits are in use, even by a dim picture; undefined if the levels do not decide it
 */
export function bitsInUse(greatest: number, declared: number): number | undefined {
  if (declared <= 8) return declared;
  const depth = DEPTHS.find((bits) => bits < declared && greatest < 2 ** bits);
  if (depth !== undefined && declared === 16 && greatest >= 2 ** depth - 2 ** (depth - 8)) return depth;
  const reached = depth !== undefined && greatest >= 0.75 * 2 ** depth;
  const few = greatest < 2 ** (declared - 4);
  if (few) return reached ? depth : undefined;
  return reached && declared === 16 ? undefined : declared;
}

/** Whether all levels lie in the lowest quarter of a depth: a viewer then shows only shadows. */
export const isDim = (greatest: number, bits: number): boolean => greatest < (2 ** bits - 1) / 4;
