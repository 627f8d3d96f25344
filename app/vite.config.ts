/** Builds the page: a static folder with relative addresses, a strict policy and a service worker. `npm run app` serves it for development. */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { defineConfig, type Plugin } from "vite";

const at = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

/** Nothing from elsewhere, nothing to elsewhere. WebAssembly decoders need their word; nothing needs eval. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "style-src 'self'",
  "img-src 'self' blob: data:",
  "connect-src 'self'",
  "worker-src 'self' blob:",
  "manifest-src 'self'",
  "frame-src 'self' blob:",
  "base-uri 'none'",
  "form-action 'none'",
].join("; ");

/** The development server injects scripts and styles of its own, so only the built page has the policy. */
const policy: Plugin = {
  name: "policy",
  apply: "build",
  transformIndexHtml: () => [
    { tag: "meta", attrs: { "http-equiv": "Content-Security-Policy", content: POLICY }, injectTo: "head-prepend" },
    { tag: "meta", attrs: { name: "referrer", content: "no-referrer" }, injectTo: "head-prepend" },
  ],
};

/** What every visit needs: what the document names, the workers' scripts, and what these import at once. */
const NAMED = /"\.\/([^"]+)"/g;
const WORKERS = /^assets\/(?:worker|compute|images)-.*\.js$/;
const IMPORTED = /(?:\bfrom|\bimport)\s*"\.\/([^"]+)"/g;

/** All else, such as decoders, is loaded when it is used, and kept in the background. */
function neededFirst(files: readonly string[]): string[] {
  const read = (file: string) => readFileSync(path.join(out, file), "utf8");
  const needed = new Set(["index.html", ...files.filter((name) => WORKERS.test(name))]);
  for (const [, name] of read("index.html").matchAll(NAMED)) needed.add(name!);
  // The set grows while it is walked.
  for (const file of needed) {
    if (!file.endsWith(".js")) continue;
    for (const [, name] of read(file).matchAll(IMPORTED)) needed.add(`assets/${name!}`);
  }
  return files.filter((name) => needed.has(name));
}

/** Fills in the service worker's list of files, and a version that changes with any of them. */
let out = "";
const offline: Plugin = {
  name: "offline",
  apply: "build",
  configResolved({ root, build }) {
    out = path.resolve(root, build.outDir);
  },
  closeBundle() {
    const files = readdirSync(out, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.name !== "sw.js")
      .map((entry) => path.relative(out, path.join(entry.parentPath, entry.name)).split(path.sep).join("/"))
      .sort();
    const hash = createHash("sha256");
    for (const file of files) hash.update(file).update(readFileSync(path.join(out, file)));
    const source = readFileSync(at("service-worker.js"), "utf8");
    const version = hash.digest("hex").slice(0, 16);
    const first = neededFirst(files);
    const later = files.filter((name) => !first.includes(name));
    const filled = source
      .replace('"VERSION"', JSON.stringify(version))
      .replace("[/* FIRST */]", JSON.stringify(first))
      .replace("[/* LATER */]", JSON.stringify(later));
    writeFileSync(path.join(out, "sw.js"), filled);
  },
};

export default defineConfig({
  root: at("."),
  base: "./",
  cacheDir: at("../node_modules/.vite/app"),
  plugins: [policy, offline],
  worker: { format: "es" },
  build: {
    outDir: at("../dist/app"),
    emptyOutDir: true,
    target: "es2023",
    // The policy allows no data: scripts, and small files are few.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: { host: "localhost", fs: { allow: [at("..")] } },
});
