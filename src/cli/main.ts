/** The program: runs the command of its arguments and ends with its exit code. */
import { fail } from "./fail.ts";
import { outlivesTerminal } from "../node/vulkan/interrupt.ts";
import { run } from "./program.ts";
import { guardConsole } from "./terminal.ts";

const args = process.argv.slice(2);
guardConsole();

// Whoever reads the output may stop doing so (`mganet train | head`), and a terminal may be closed; the work continues.
for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (!["EPIPE", "EIO", "ENXIO"].includes(error.code ?? "")) throw error;
  });
}
// Without a handler the signal would end the program.
if (outlivesTerminal()) process.on("SIGHUP", () => {});
// What no command was waiting for, such as an error in an event handler.
process.on("uncaughtException", (error) => process.exit(fail(error, args.includes("--debug"))));

process.exitCode = await run(args);
