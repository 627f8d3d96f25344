/** Student's t and the normal distribution, from Moshier's Cephes library. */
import { compiled, ndtr, ndtri, stdtr, stdtri } from "cephes";

// The WebAssembly is embedded in the module: nothing is fetched.
await compiled;

/** The `p` quantile of Student's t with `freedom` degrees of freedom. */
export const studentQuantile = (p: number, freedom: number): number => stdtri(freedom, p);

/** The two-sided tail probability of `t` under Student's t with `freedom` degrees of freedom. */
export const studentTails = (t: number, freedom: number): number => 2 * stdtr(freedom, -Math.abs(t));

/** The `p` quantile of the standard normal distribution. */
export const normalQuantile = (p: number): number => ndtri(p);

/** The two-sided tail probability of `z` under the standard normal distribution. */
export const normalTails = (z: number): number => 2 * ndtr(-Math.abs(z));
