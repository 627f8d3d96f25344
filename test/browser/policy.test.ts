/** That nothing can leave the page: every way by which a script reaches another origin is tried in it and in its workers. */
import { readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import type { Page, Worker } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { temporaryFolder } from "../cli/support.ts";
import { openApp, withoutParityCheck, type OpenApp } from "../support/app.ts";
import { chromiumFor } from "../support/chromium.ts";

const { leftOut, required } = chromiumFor("That nothing leaves the page is not tested");

/**
 * To be run in the page or a worker. Each way answers "sent", "refused", or "none" where it does not exist; what neither succeeds
 * nor fails in a second counts as refused: the listener says whether it was.
 */
const TRY = `async (origin) => {
  const outcome = (start) => new Promise((resolve) => {
    setTimeout(() => resolve("refused"), 1000);
    try {
      start(() => resolve("sent"), () => resolve("refused"));
    } catch {
      resolve("refused");
    }
  });
  const ways = {
    fetch: (sent, refused) => fetch(origin + "/fetch", { mode: "no-cors" }).then(sent, refused),
    post: (sent, refused) => fetch(origin + "/post", { mode: "no-cors", method: "POST", body: "x" }).then(sent, refused),
    request: (sent, refused) => {
      const request = new XMLHttpRequest();
      request.onload = sent;
      request.onerror = refused;
      request.open("GET", origin + "/request");
      request.send();
    },
    socket: (sent, refused) => {
      const socket = new WebSocket(origin.replace("http", "ws") + "/socket");
      socket.onopen = sent;
      socket.onerror = refused;
    },
    events: (sent, refused) => {
      const events = new EventSource(origin + "/events");
      events.onopen = sent;
      events.onerror = refused;
    },
    script: (sent, refused) => import(origin + "/script.js").then(sent, refused),
  };
  if (typeof document !== "undefined") {
    ways.beacon = (sent) => void navigator.sendBeacon(origin + "/beacon", "x");
    ways.image = (sent, refused) => {
      const image = new Image();
      image.onload = sent;
      image.onerror = refused;
      image.src = origin + "/image.png";
    };
    ways.form = () => {
      const form = document.createElement("form");
      form.action = origin + "/form";
      form.method = "post";
      form.target = "_blank";
      document.body.append(form);
      form.submit();
      form.remove();
    };
  }
  const found = {};
  for (const [name, way] of Object.entries(ways)) found[name] = await outcome(way);
  return found;
}`;

async function outcomes(place: Page | Worker, origin: string): Promise<Record<string, string>> {
  const expression = `(${TRY})(${JSON.stringify(origin)})`;
  const found = await ("workers" in place ? place.evaluate(expression) : place.evaluate(expression));
  return found as Record<string, string>;
}

describe.skipIf(leftOut)("from the page", () => {
  let app: OpenApp;
  let page: Page;
  let elsewhere: string;
  const heard: string[] = [];
  const server = createServer((request, response) => {
    heard.push(request.url!);
    response.writeHead(200, { "access-control-allow-origin": "*", "content-type": "text/javascript" }).end("1;");
  });
  server.on("upgrade", ({ url }, socket) => {
    heard.push(url!);
    socket.destroy();
  });

  /** Views that need them. */
  const startWorkers = async () => {
    await app.visit("images");
    await page.getByRole("heading", { name: "Your images" }).waitFor();
    await app.visit("train");
    await page.getByText("Needs about").waitFor();
  };

  beforeAll(async () => {
    await new Promise<void>((resolve) => server.listen(0, "localhost", resolve));
    elsewhere = `http://localhost:${(server.address() as AddressInfo).port}`;
    app = await openApp(required(), path.join(temporaryFolder(), "built"));
    ({ page } = app);
    page.setDefaultTimeout(120_000);
    await withoutParityCheck(app.context);
    await startWorkers();
  });
  afterAll(async () => {
    await (app as typeof app | undefined)?.close();
    await new Promise((resolve) => server.close(resolve));
  });

  test("the listener hears what is sent from a page without a policy", async () => {
    const context = await app.browser.newContext();
    const bare = await context.newPage();
    await bare.goto(`${elsewhere}/bare`);
    const found = await outcomes(bare, elsewhere);
    expect(found["fetch"]).toBe("sent");
    await context.close();
    for (const way of ["fetch", "post", "request", "socket", "events", "script.js", "beacon", "image.png", "form"])
      expect(heard).toContain(`/${way}`);
    heard.length = 0;
  });

  test("nothing reaches another origin", async () => {
    expect(Object.values(await outcomes(page, elsewhere))).not.toContain("sent");
    expect(heard).toEqual([]);
  });

  test("nor from its workers, also after a reload", async () => {
    for (const round of ["first", "reloaded"]) {
      const workers = page.workers();
      expect(workers.length, round).toBe(2);
      for (const worker of workers) {
        const found = await outcomes(worker, elsewhere);
        expect(Object.values(found), round).not.toContain("sent");
        expect(Object.keys(found).length).toBe(6);
      }
      expect(heard, round).toEqual([]);
      await page.reload();
      await startWorkers();
    }
  });

  test("and no script of it names what no policy governs", () => {
    const scripts = (readdirSync(app.out, { recursive: true }) as string[]).filter((name) => name.endsWith(".js"));
    expect(scripts.length).toBeGreaterThan(5);
    for (const name of scripts)
      expect(readFileSync(path.join(app.out, name), "utf8"), name).not.toMatch(/RTCPeerConnection|WebTransport/);
  });
});
