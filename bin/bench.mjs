// `npm run bench`: runs bench/main.ts in an environment where Dawn finds an adapter. Arguments are passed on.
import { fileURLToPath } from "node:url";
import { launch, prepare, report } from "../src/node/vulkan/launch.mjs";

const script = fileURLToPath(new URL("../bench/main.ts", import.meta.url));
try {
  await launch({ script, args: process.argv.slice(2), preload: [import.meta.resolve("tsx")] }, await prepare());
} catch (error) {
  report(error);
}
