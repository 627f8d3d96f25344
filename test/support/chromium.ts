/** A Chromium on this machine, and the page of test/browser in it. */
import { accessSync, constants } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { createServer } from "vite";

const names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/** The browser that CHROME_PATH names, else the one on the PATH; undefined where there is none. */
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

/** Without a switch of its own, Chromium gives pages no software adapter. */
const flags = ["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader"];

export type OpenPage = Awaited<ReturnType<typeof openPage>>;

/** Serves test/browser and opens its page, for a test to call. */
export async function openPage(executablePath: string) {
  const configFile = fileURLToPath(new URL("../browser/vite.config.ts", import.meta.url));
  const server = await createServer({ configFile, logLevel: "error" });
  try {
    await server.listen();
    const browser = await chromium.launch({ executablePath, args: flags });
    const page = await browser.newPage();
    /** What the page has complained of. */
    const errors: string[] = [];
    page.on("pageerror", (error) => errors.push(error.message));
    page.on("console", (message) => {
      if (message.type() === "error") errors.push(message.text());
    });
    const close = async () => {
      await browser.close();
      await server.close();
    };
    await page.goto(`${server.resolvedUrls!.local[0]!}?driven`);
    return { page, errors, close };
  } catch (error) {
    await server.close();
    throw error;
  }
}
