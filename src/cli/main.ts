/** The program: runs the command of its arguments and ends with its exit code. */
import { fail } from "./fail.ts";
import { run } from "./program.ts";
import { guardConsole } from "./terminal.ts";

const args = process.argv.slice(2);
guardConsole();

// Whoever reads the output may stop doing so (`mganet train | head`); the work goes on.
for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
  });
}
// What no command was waiting for, such as an error in an event handler.
process.on("uncaughtException", (error) => process.exit(fail(error, args.includes("--debug"))));

process.exitCode = await run(args);
