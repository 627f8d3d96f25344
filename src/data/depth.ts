/** How many bits of deeper words are in use: cameras and devices of 10 to 14 bits save words of 16. */

/** Depths that devices and pictures have in practice. */
const DEPTHS = [8, 10, 12, 14];

/**
 * How many bits are in use where levels from 0 on lie in words of more: 12 in 16 would be shown as black.
 *
 * Fewer than `declared` are certain where the picture would have no more than a 16th of the levels declared, and reaches the
 * upper quarter of a depth in practice; or, in words of 16 bits, where the greatest level is white in such a depth, within a
 * 256th. A picture that reaches the upper quarter of 14 bits could as well be a dim one of 16.
 *
 * @returns `declared` where most bits are in use, also by a dim picture; undefined where the levels do not tell
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

/** Whether levels end in the lowest quarter of a depth: a viewer then shows shadows. */
export const isDim = (greatest: number, bits: number): boolean => greatest < (2 ** bits - 1) / 4;
