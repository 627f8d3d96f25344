/**
 * Leases of locks. A process on another machine, or in another container, cannot be asked whether it lives. So the holder of a lock
 * touches it again and again, and a lock that was not touched while somebody else looked on for the length of a lease is a dead
 * one's. Only the looker's own clock counts, so the machines' clocks may differ.
 */
import { open } from "node:fs/promises";
import { InputError } from "../runs/store.ts";

/** Seconds without a sign of life after which a process on another machine counts as gone. */
export const LEASE_VARIABLE = "MGANET_LEASE";
const DEFAULT_SECONDS = 180;
const BEATS_PER_LEASE = 6;

/** The length of a lease. @throws InputError for a value that is no such number */
export function leaseMs(): number {
  const given = process.env[LEASE_VARIABLE] ?? "";
  if (given === "") return 1000 * DEFAULT_SECONDS;
  const seconds = Number(given);
  if (isLease(seconds)) return 1000 * seconds;
  throw new InputError(`${LEASE_VARIABLE}: ${given} is no number of seconds above 0`);
}

/** Whether a lease can last this many seconds. */
export const isLease = (seconds: number): boolean => seconds > 0 && seconds <= 1e6;

/**
 * How long a lock must not be touched to count as a dead one's: its holder may have been told of another lease than this process,
 * and touches it as often as that asks for.
 */
export const patienceMs = ({ lease = 0 }: { lease?: number } = {}): number => Math.max(leaseMs(), 1000 * lease);

/**
 * Touches a file until the returned function is called, or this process ends. It holds on to this very file: one that takes its place
 * is another process's.
 */
export async function beat(file: string): Promise<() => Promise<void>> {
  const every = leaseMs() / BEATS_PER_LEASE;
  const handle = await open(file, "r+");
  let last = Promise.resolve();
  const timer = setInterval(() => {
    const now = new Date();
    // On a network file system a file that was replaced may be gone: whoever holds the lock now has a beat of his own.
    last = handle.utimes(now, now).catch(() => {});
  }, every);
  timer.unref();
  return async () => {
    clearInterval(timer);
    await last;
    await handle.close();
  };
}

/** What a lock looked like when it last changed, and when that was by this process's clock. */
const seen = new Map<string, { token: string; touched: number; since: number }>();

/** Whether a lock was not touched for so long, as far as this process has seen: never at the first look. */
export function isSilent(
  file: string,
  { token, touched }: { token: string; touched: number },
  patienceMs: number,
): boolean {
  const before = seen.get(file);
  const now = performance.now();
  if (before?.token === token && before.touched === touched) return now - before.since > patienceMs;
  seen.set(file, { token, touched, since: now });
  return false;
}
