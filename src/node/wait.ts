/**
 * Waits for the device without taking a core from it. While one of Dawn's promises is pending, its Node binding polls in every
 * turn of the event loop, which therefore never sleeps. A software adapter needs that core for its work.
 */

/** Milliseconds that a turn of the event loop sleeps. */
const NAP = 1;

const cell = new Int32Array(new SharedArrayBuffer(4));
let open = 0;
/** Whether a nap is pending. There must never be two: each would lengthen every turn. */
let napping = false;

function nap(): void {
  napping = open > 0;
  if (!napping) return;
  Atomics.wait(cell, 0, 0, NAP);
  setImmediate(nap);
}

/** Awaits one of Dawn's promises; meanwhile the event loop mostly sleeps, but still turns once per millisecond. */
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
