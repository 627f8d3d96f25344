/** Student's t and the normal distribution, from Moshier's Cephes library. */
import { compiled, ndtr, ndtri, stdtr, stdtri } from "cephes";

// WebAssembly within the module: nothing is fetched.
await compiled;

/** The value that Student's t with `freedom` degrees of freedom stays below with probability `p`. */
export const studentQuantile = (p: number, freedom: number): number => stdtri(freedom, p);

/** The probability that Student's t with `freedom` degrees of freedom is further from 0 than `t`, on either side. */
export const studentTails = (t: number, freedom: number): number => 2 * stdtr(freedom, -Math.abs(t));

/** The value that a standard normal stays below with probability `p`. */
export const normalQuantile = (p: number): number => ndtri(p);

/** The probability that a standard normal is further from 0 than `z`, on either side. */
export const normalTails = (z: number): number => 2 * ndtr(-Math.abs(z));
