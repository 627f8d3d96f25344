/** The program's entry point: runs the command in its arguments and exits with its code. */
import { fail } from "./fail.ts";
import { outlivesTerminal } from "../node/vulkan/interrupt.ts";
import { run } from "./program.ts";
import { guardConsole } from "./terminal.ts";

const args = process.argv.slice(2);
guardConsole();

// The reader of the output may go away (`mganet train | head`, a closed terminal); the work continues.
for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (!["EPIPE", "EIO", "ENXIO"].includes(error.code ?? "")) throw error;
  });
}
// Without a handler the signal would end the program.
if (outlivesTerminal()) process.on("SIGHUP", () => {});
// Errors that no command awaits, for example in an event handler.
process.on("uncaughtException", (error) => process.exit(fail(error, args.includes("--debug"))));

process.exitCode = await run(args);
