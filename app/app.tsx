/** The frame around all views: title, navigation, the state of the adapter, and what the page is not. */
import { useEffect, useRef } from "preact/hooks";
import { addressOf, route, views, type ViewName } from "./state/route.ts";
import { AdapterBadge } from "./parts/adapter-badge.tsx";
import { later } from "./parts/later.tsx";
import { Messages } from "./parts/messages.tsx";
import { Annotate } from "./views/annotate.tsx";
import { Images } from "./views/images.tsx";
import { Report } from "./views/report.tsx";
import { Start } from "./views/start.tsx";
import { Train } from "./views/train.tsx";

const shown: Record<ViewName, () => preact.JSX.Element> = {
  start: Start,
  images: Images,
  annotate: Annotate,
  train: Train,
  predict: later("Predict and explain", async () => (await import("./views/predict.tsx")).Predict),
  report: Report,
};

export function App() {
  const { view } = route.value;
  const heading = useRef<HTMLElement>(null);
  const first = useRef(true);
  // A change of view is announced, and read from its beginning.
  useEffect(() => {
    document.title = `${views[view]} - MGA-Net`;
    if (first.current) first.current = false;
    else heading.current?.focus({ preventScroll: true });
    scrollTo(0, 0);
  }, [view]);
  const View = shown[view];
  return (
    <>
      <a class="skip" href="#main" onClick={(event) => (event.preventDefault(), heading.current?.focus())}>
        Skip to the content
      </a>
      <header>
        <a class="brand" href={addressOf("start")}>
          <img src="./icon.svg" alt="" width="28" height="28" />
          MGA-Net
        </a>
        <nav aria-label="Views">
          {(Object.keys(views) as ViewName[]).map((name) => (
            <a key={name} href={addressOf(name)} aria-current={name === view ? "page" : undefined}>
              {views[name]}
            </a>
          ))}
        </nav>
        <AdapterBadge />
      </header>
      <main id="main" tabIndex={-1} ref={heading}>
        <View />
      </main>
      <Messages />
      <footer>
        <p>
          <strong>For research; not a medical device.</strong> Everything is computed on this computer: no image and no
          result leaves it.
        </p>
      </footer>
    </>
  );
}
