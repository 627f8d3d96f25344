/** The view that is shown, by the address behind the #: it works in any folder, without a server that knows the views. */
import { signal } from "@preact/signals";

export const views = {
  start: "Start",
  images: "Images",
  annotate: "Annotate",
  train: "Train",
  predict: "Predict",
  report: "Report",
} as const;

export type ViewName = keyof typeof views;

const isView = (name: string): name is ViewName => Object.hasOwn(views, name);

/** A view, and what it shows, such as the name of a run. */
interface Route {
  view: ViewName;
  of?: string;
}

function current(): Route {
  const [name = "", ...rest] = location.hash.replace(/^#\/?/, "").split("/");
  if (!isView(name)) return { view: "start" };
  try {
    return rest.length > 0 ? { view: name, of: decodeURIComponent(rest.join("/")) } : { view: name };
  } catch {
    return { view: name }; // Typed by hand, and no address of this page.
  }
}

export const route = signal(current());

addEventListener("hashchange", () => (route.value = current()));

export const addressOf = (view: ViewName, of?: string): string =>
  of === undefined ? `#/${view}` : `#/${view}/${encodeURIComponent(of)}`;

export function go(view: ViewName, of?: string): void {
  location.hash = addressOf(view, of);
}
