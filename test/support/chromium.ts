/** Finds a Chromium on this machine and opens a page of test/browser in it. */
import { accessSync, constants } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { chromium, type Browser } from "playwright-core";
import { createServer } from "vite";

const names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/** The browser named by CHROME_PATH, else the one on the PATH; undefined if there is none. */
export function findChromium(env = process.env): string | undefined {
  if (env["CHROME_PATH"]) return env["CHROME_PATH"];
  const folders = (env["PATH"] ?? "").split(path.delimiter).filter((folder) => folder !== "");
  const candidates = folders.flatMap((folder) => names.map((name) => path.join(folder, name)));
  return candidates.find((file) => {
    try {
      accessSync(file, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

const ADVICE =
  "no Chromium found: install one (Debian: apt-get install --no-install-recommends chromium) or name it in CHROME_PATH";

/**
 * The browser of a test file. Without one its tests are left out, with a warning; in CI they fail.
 * @param what is then not done, as in "Runs are not tested in a browser"
 */
export function chromiumFor(what: string) {
  const executable = findChromium();
  const leftOut = executable === undefined && !process.env["CI"];
  if (leftOut) console.warn(`${what}: ${ADVICE}`);
  /** @throws Error if there is none */
  const required = (): string => {
    if (executable === undefined) throw new Error(ADVICE);
    return executable;
  };
  return { executable, leftOut, required };
}

/** Chromium gives pages a software adapter only with a switch. */
export const flags = ["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader"];

export type OpenPage = Awaited<ReturnType<typeof openPage>>;

export async function killGpuProcess(browser: Browser): Promise<void> {
  const session = await browser.newBrowserCDPSession();
  const { processInfo } = await session.send("SystemInfo.getProcessInfo");
  process.kill(processInfo.find(({ type }) => type === "GPU")!.id, "SIGKILL");
  await session.detach();
}

interface PageOptions {
  /** The page's file. */
  file?: string;
  /** The Content-Security-Policy of all that is served. */
  policy?: string;
}

/** Serves test/browser and opens one of its pages, for a test to call. */
export async function openPage(executablePath: string, { file = "", policy }: PageOptions = {}) {
  const configFile = fileURLToPath(new URL("../browser/vite.config.ts", import.meta.url));
  const server = await createServer({
    configFile,
    logLevel: "error",
    ...(policy === undefined ? {} : { server: { headers: { "Content-Security-Policy": policy } } }),
  });
  try {
    await server.listen();
    const browser = await chromium.launch({ executablePath, args: flags });
    const page = await browser.newPage();
    /** The page's errors. */
    const errors: string[] = [];
    page.on("pageerror", (error) => errors.push(error.message));
    page.on("console", (message) => {
      if (message.type() === "error") errors.push(message.text());
    });
    const close = async () => {
      await browser.close();
      await server.close();
    };
    /** Ends the process that owns all GPU devices; the browser starts another one. */
    const endGpuProcess = () => killGpuProcess(browser);
    await page.goto(`${server.resolvedUrls!.local[0]!}${file}?driven`);
    return { page, errors, endGpuProcess, close };
  } catch (error) {
    await server.close();
    throw error;
  }
}
