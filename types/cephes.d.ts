/** cephes has types, which its package.json does not let TypeScript find. These are of what is used here. */
declare module "cephes" {
  /** Fulfilled when the functions can be called. */
  export const compiled: Promise<void>;
  /** Distribution function of Student's t with k degrees of freedom, and its inverse. */
  export function stdtr(k: number, t: number): number;
  export function stdtri(k: number, p: number): number;
  /** Distribution function of the standard normal, and its inverse. */
  export function ndtr(x: number): number;
  export function ndtri(p: number): number;
}
