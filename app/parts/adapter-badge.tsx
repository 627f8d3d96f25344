/** The adapter and whether it agrees with PyTorch, in a few words. */
import { adapter, parity } from "../state/engine.ts";
import { addressOf } from "../state/route.ts";

export function AdapterBadge() {
  const { text, tone } = state();
  return (
    <span role="status">
      <a class={`badge ${tone}`} href={addressOf("start")}>
        {text}
      </a>
    </span>
  );
}

function state(): { text: string; tone: "good" | "bad" | "busy" } {
  const found = adapter.value;
  if (found.kind === "opening") return { text: "Opening the GPU…", tone: "busy" };
  if (found.kind === "missing") return { text: "No GPU", tone: "bad" };
  const check = parity.value;
  const { name } = found.adapter;
  if (check.kind === "running") return { text: `${name}: checking…`, tone: "busy" };
  if (check.kind === "failed" || (check.kind === "done" && !check.agrees))
    return { text: `${name}: do not trust`, tone: "bad" };
  return { text: name, tone: "good" };
}
