/** Mounts the page, opens the adapter, and keeps the page for use without a network. */
import { render } from "preact";
import { App } from "./app.tsx";
import { openAdapter } from "./state/engine.ts";
import { keepOffline } from "./state/offline.ts";
import { resumeAfterReload } from "./state/training.ts";

render(<App />, document.getElementById("app")!);
void openAdapter().then(resumeAfterReload);
void keepOffline();
