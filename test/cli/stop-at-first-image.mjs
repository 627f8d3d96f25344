// To be loaded before a program (`node --import`): the process stands still (SIGSTOP) as soon as it has noted the first prepared image.
import promises from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";

const { appendFile } = promises;
let stopped = false;
promises.appendFile = async (file, ...rest) => {
  await appendFile(file, ...rest);
  if (stopped || !String(file).endsWith("prepared.jsonl")) return;
  stopped = true;
  process.kill(process.pid, "SIGSTOP");
};
syncBuiltinESMExports();
