/** Builds the page and serves the folder, as any web server would, from a path of its own; opens it in Chromium. */
import { createReadStream, statSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { type BrowserContext, type BrowserContextOptions, chromium } from "playwright-core";
import { build } from "vite";
import { flags, killGpuProcess } from "./chromium.ts";

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
  ".wasm": "application/wasm",
  ".webmanifest": "application/manifest+json",
};

/** Serves a folder's files below `prefix`; everything else is not found. */
export async function serve(folder: string, prefix: string) {
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url!, "http://localhost");
    const name = pathname.startsWith(prefix) ? decodeURIComponent(pathname.slice(prefix.length)) : undefined;
    const file = path.join(folder, name === "" ? "index.html" : (name ?? ""));
    if (name === undefined || !file.startsWith(folder) || !statSync(file, { throwIfNoEntry: false })?.isFile()) {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, { "content-type": TYPES[path.extname(file)] ?? "application/octet-stream" });
    createReadStream(file).pipe(response);
  });
  await new Promise<void>((resolve) => server.listen(0, "localhost", resolve));
  const { port } = server.address() as AddressInfo;
  return { server, origin: `http://localhost:${port}`, url: `http://localhost:${port}${prefix}` };
}

/** Builds a page of examples/, as a user's bundler would. */
export async function buildExample(name: string, outDir: string): Promise<void> {
  const at = (file: string) => fileURLToPath(new URL(`../../examples/${file}`, import.meta.url));
  const { NODE_ENV } = process.env;
  process.env["NODE_ENV"] = "production";
  await build({ configFile: at("vite.config.ts"), root: at(name), logLevel: "error", build: { outDir } });
  process.env["NODE_ENV"] = NODE_ENV;
}

/** Spares the page the comparison with PyTorch, which has a test of its own. */
export const withoutParityCheck = (context: BrowserContext): Promise<unknown> =>
  context.route("**/mganet-se-*", (route) => route.abort());

/** Has the page's workers run a script before their own. */
export const beforeWorkers = (context: BrowserContext, script: string): Promise<unknown> =>
  context.route("**/worker-*.js", async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, body: `${script}\n${await response.text()}` });
  });

export type OpenApp = Awaited<ReturnType<typeof openApp>>;

/**
 * @param out an empty folder for the build
 * @param options.args further switches of the browser
 * @param options.bare without those that give it an adapter
 */
export async function openApp(
  executablePath: string,
  out: string,
  { args = [], bare = false, ...options }: BrowserContextOptions & { args?: readonly string[]; bare?: boolean } = {},
) {
  const configFile = fileURLToPath(new URL("../../app/vite.config.ts", import.meta.url));
  // Vitest's own value would make a build for development.
  const { NODE_ENV } = process.env;
  process.env["NODE_ENV"] = "production";
  await build({ configFile, logLevel: "error", build: { outDir: out } });
  process.env["NODE_ENV"] = NODE_ENV;
  const { server, origin, url } = await serve(out, "/some/folder/");
  const browser = await chromium.launch({ executablePath, args: [...(bare ? [] : flags), ...args] });
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  /** Addresses of all requests, and what the page complained about. */
  const [requests, errors]: [string[], string[]] = [[], []];
  /** Those that the page and its workers made, as a user waits for them; the service worker's are not among them. */
  const loaded: string[] = [];
  context.on("request", (request) => {
    requests.push(request.url());
    if (!request.serviceWorker()) loaded.push(request.url());
  });
  context.on("weberror", (error) => errors.push(error.error().message));
  context.on("console", (message) => {
    if (message.type() === "error") errors.push(message.text());
  });
  const page = await context.newPage();
  /** Opens a view of the page, which stays the same page, and waits until it is there. */
  const visit = async (view: string) => {
    await page.goto(`${url}#/${view}`);
    await page.getByRole("heading", { level: 1 }).waitFor();
  };
  /** Ends the process that owns all GPU devices; the browser starts another one. */
  const endGpuProcess = () => killGpuProcess(browser);
  const close = async () => {
    await browser.close();
    await new Promise((resolve) => server.close(resolve));
  };
  return { page, context, browser, origin, url, out, requests, loaded, errors, visit, endGpuProcess, close };
}
