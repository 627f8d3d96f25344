/** In what runs differ. */
import { originsOf, originText } from "../../src/models/spec.ts";
import type { TrainConfig } from "../../src/train/config.ts";

/** Settings by name, as texts: those of phases and lists laid flat. */
function flat(config: TrainConfig): Map<string, string> {
  const found = new Map<string, string>();
  for (const [name, value] of Object.entries(config)) {
    if (name === "epochs") {
      for (const [phase, epochs] of Object.entries(config.epochs)) found.set(`epochs.${phase}`, String(epochs));
    } else if (name === "init") found.set(name, originsOf(config).map(originText).join(", "));
    else found.set(name, textOf(value));
  }
  return found;
}

function textOf(value: unknown): string {
  if (Array.isArray(value)) return value.join(value.every((each) => typeof each === "number") ? "×" : ", ");
  if (typeof value === "boolean") return value ? "yes" : "no";
  return typeof value === "string" || typeof value === "number" ? String(value) : JSON.stringify(value);
}

/** A setting in which runs differ, with the value of each; "" where a run has no such setting. */
export interface Difference {
  name: string;
  values: readonly string[];
}

export function differences(configs: readonly TrainConfig[]): Difference[] {
  const all = configs.map(flat);
  const names = new Set(all.flatMap((settings) => [...settings.keys()]));
  return [...names].flatMap((name) => {
    const values = all.map((settings) => settings.get(name) ?? "");
    return new Set(values).size > 1 ? [{ name, values }] : [];
  });
}
