/** A tab that is hidden, as behind another one: Playwright's own pages always count as shown. */
import { chromium, type CDPSession } from "playwright-core";
import { flags } from "./chromium.ts";

/** What Playwright starts browsers with so that hidden tabs are as fast as others. */
const UNTHROTTLED = [
  "--disable-background-timer-throttling",
  "--disable-backgrounding-occluded-windows",
  "--disable-renderer-backgrounding",
];

/** Sent to a target, and what it answers. */
interface Answer {
  id?: number;
  error?: { message: string };
  result?: { result: { value?: unknown }; exceptionDetails?: { text: string; exception?: { description?: string } } };
}

export interface HiddenTab {
  /** Evaluates an expression in the page, and awaits it. */
  evaluate: <T>(expression: string) => Promise<T>;
  close: () => Promise<void>;
}

/** Opens an address in a browser of its own, with another tab in front of it. */
export async function openHidden(executablePath: string, url: string): Promise<HiddenTab> {
  const browser = await chromium.launch({ executablePath, args: flags, ignoreDefaultArgs: UNTHROTTLED });
  const session = await browser.newBrowserCDPSession();
  const { targetId } = await session.send("Target.createTarget", { url });
  // What is asked before the page is there may never be answered.
  let title = "";
  while (title === "" || title.startsWith("localhost")) {
    ({ title } = (await session.send("Target.getTargetInfo", { targetId })).targetInfo);
  }
  const { sessionId } = await session.send("Target.attachToTarget", { targetId });
  const front = await session.send("Target.createTarget", { url: "about:blank" });
  await session.send("Target.activateTarget", front);
  let last = 0;
  const evaluate = async <T>(expression: string): Promise<T> => {
    const id = ++last;
    const answered = answerTo(session, sessionId, id);
    const params = { expression, awaitPromise: true, returnByValue: true, userGesture: true };
    const message = JSON.stringify({ id, method: "Runtime.evaluate", params });
    await session.send("Target.sendMessageToTarget", { sessionId, message });
    const { result, error } = await answered;
    if (!result) throw new Error(error?.message);
    const { exceptionDetails: thrown } = result;
    if (thrown) throw new Error(thrown.exception?.description ?? thrown.text);
    return result.result.value as T;
  };
  return { evaluate, close: () => browser.close() };
}

const answerTo = (session: CDPSession, sessionId: string, id: number): Promise<Answer> =>
  new Promise((resolve) => {
    const hear = (event: { sessionId: string; message: string }) => {
      if (event.sessionId !== sessionId) return;
      const answer = JSON.parse(event.message) as Answer;
      if (answer.id !== id) return;
      session.off("Target.receivedMessageFromTarget", hear);
      resolve(answer);
    };
    session.on("Target.receivedMessageFromTarget", hear);
  });
