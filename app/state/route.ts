/** The view that is shown, by the address behind the #: it works in any folder, without a server that knows the views. */
import { signal } from "@preact/signals";

export const views = {
  start: "Start",
  images: "Images",
  annotate: "Annotate",
  train: "Train",
  predict: "Predict",
} as const;

export type ViewName = keyof typeof views;

const isView = (name: string): name is ViewName => Object.hasOwn(views, name);

function current(): { view: ViewName } {
  const name = location.hash.replace(/^#\/?/, "");
  return { view: isView(name) ? name : "start" };
}

export const route = signal(current());

addEventListener("hashchange", () => (route.value = current()));

export const addressOf = (view: ViewName): string => `#/${view}`;

export function go(view: ViewName): void {
  location.hash = addressOf(view);
}
