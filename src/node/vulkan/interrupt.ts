// Ctrl-C and its kin, delivered once. One key press can arrive several times: the terminal sends the signal to every process
// of the foreground group, and `npm run`, `timeout` and the launcher send on what they receive.

/** Repeats within this time, in milliseconds, are taken for echoes of the first. */
const echo = 1000;

/**
 * Calls `stop` at the first SIGINT or SIGTERM, so that a run can save its work and end. A further one, unless it is an echo,
 * ends the process at once, with the exit code shells use for the signal (130, 143).
 * @returns a function that removes the handlers again
 */
export function onInterrupt(stop: (signal: "SIGINT" | "SIGTERM") => void): () => void {
  let last: number | undefined;
  const handlers = (["SIGINT", "SIGTERM"] as const).map((signal) => {
    const handler = () => {
      const first = last === undefined;
      if (!first && performance.now() - last! > echo) process.exit(signal === "SIGINT" ? 130 : 143);
      if (first) stop(signal);
      // Taken after the work of stop(): signals that came in meanwhile are delivered only then.
      if (first) last = performance.now();
    };
    process.on(signal, handler);
    return { signal, handler };
  });
  return () => {
    for (const { signal, handler } of handlers) process.off(signal, handler);
  };
}
