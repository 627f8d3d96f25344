/** Serves an example's page with this repository's own sources: `npx vite --config examples/vite.config.ts examples/digits`. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

const { exports } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as {
  exports: Record<string, string | { default: string }>;
};
// Where the package is installed, these are not needed.
const alias = Object.entries(exports).flatMap(([entry, to]) => {
  if (typeof to === "string") return [];
  const source = to.default.replace(/^\.\/dist\/(.*)\.js$/, "../$1.ts");
  return [
    {
      find: new RegExp(`^mganet-webgpu${entry.slice(1)}$`),
      replacement: fileURLToPath(new URL(source, import.meta.url)),
    },
  ];
});

export default defineConfig({ base: "./", resolve: { alias }, build: { target: "es2023" } });
