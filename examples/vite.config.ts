/** Serves an example with this repository's own sources: `npx vite --config examples/vite.config.ts examples/predict-page`. */
import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

export default defineConfig({
  base: "./",
  // Where the package is installed, this is not needed.
  resolve: { alias: { "mganet-webgpu/web": fileURLToPath(new URL("../src/web/index.ts", import.meta.url)) } },
  build: { target: "es2023" },
});
