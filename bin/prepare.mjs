// `npm run prepare`. npm also calls a script with this name itself, after `npm ci` and `npm install` and before `npm pack`:
// then it does nothing.
if (["run", "run-script"].includes(process.env.npm_command ?? "run")) {
  process.argv.splice(2, 0, "prepare");
  await import("./mganet.mjs");
}
