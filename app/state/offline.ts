/** The service worker, which answers from its cache once the page has been visited. */
import { signal } from "@preact/signals";

/** Whether the page can be opened without a network. */
export const offline = signal<"unknown" | "ready" | "unavailable">("unknown");

export async function keepOffline(): Promise<void> {
  // The development server has none; and insecure pages, or private windows of some browsers, may not.
  if (!import.meta.env.PROD || !("serviceWorker" in navigator)) {
    offline.value = "unavailable";
    return;
  }
  try {
    await navigator.serviceWorker.register(new URL("sw.js", document.baseURI));
    await navigator.serviceWorker.ready;
    offline.value = "ready";
  } catch {
    offline.value = "unavailable";
  }
}
