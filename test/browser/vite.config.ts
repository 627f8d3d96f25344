/** The pages of the tests in a browser. To see the kernel suite in any browser: npx vite --config test/browser/vite.config.ts --open */
import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  root: at("."),
  publicDir: at("../reference"),
  cacheDir: at("../../node_modules/.vite/kernel-suite"),
  // Found only while a page runs, these would make it reload.
  optimizeDeps: { include: ["dcmjs-codecs", "fflate"] },
  // A page that reloads itself would end the tests in it.
  server: { host: "localhost", hmr: false, watch: null, fs: { allow: [at("../..")] } },
});
