// `npm run prepare`. npm also calls a script of this name by itself, after `npm ci` and `npm install` and before `npm pack`:
// then nobody has asked for anything, and nothing is done.
if (["run", "run-script"].includes(process.env.npm_command ?? "run")) {
  process.argv.splice(2, 0, "prepare");
  await import("./mganet.mjs");
}
