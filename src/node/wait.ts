/**
 * Waiting for the device without taking a core from it. While a promise of Dawn's is open, its binding for Node looks for news in
 * every turn of the event loop, which so never rests. On a software adapter that core is wanted for the work.
 */

/** Milliseconds that a turn of the event loop rests. */
const NAP = 1;

const cell = new Int32Array(new SharedArrayBuffer(4));
let open = 0;
/** Whether a nap is due. There must never be two: each would lengthen every turn. */
let napping = false;

function nap(): void {
  napping = open > 0;
  if (!napping) return;
  Atomics.wait(cell, 0, 0, NAP);
  setImmediate(nap);
}

/** Waits for a promise of Dawn's; meanwhile the event loop rests most of the time, and still turns once a millisecond. */
export async function waitResting<T>(promise: Promise<T>): Promise<T> {
  open++;
  if (!napping) setImmediate(nap);
  napping = true;
  try {
    return await promise;
  } finally {
    open--;
  }
}
