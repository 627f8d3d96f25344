/** The service worker, which answers from its cache once the page has been visited. */
import { signal } from "@preact/signals";

/** Whether the page can be opened without a network. */
export const offline = signal<"unknown" | "ready" | "unavailable">("unknown");

/** Has the service worker keep what only some visits need. @returns whether all is there now */
function keepRest(worker: ServiceWorker): Promise<boolean> {
  const { port1, port2 } = new MessageChannel();
  const answer = new Promise<boolean>((resolve) => {
    port1.onmessage = ({ data }: MessageEvent<boolean>) => resolve(data);
  });
  worker.postMessage("rest", [port2]);
  return answer;
}

export async function keepOffline(): Promise<void> {
  // The development server has none; and insecure pages, or private windows of some browsers, may not.
  if (!import.meta.env.PROD || !("serviceWorker" in navigator)) {
    offline.value = "unavailable";
    return;
  }
  try {
    await navigator.serviceWorker.register(new URL("sw.js", document.baseURI));
    const { active } = await navigator.serviceWorker.ready;
    offline.value = (await keepRest(active!)) ? "ready" : "unavailable";
  } catch {
    offline.value = "unavailable";
  }
}
