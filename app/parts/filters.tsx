/** The filter of the images: text, class, state, side, and what should be looked at. */
import type { Side } from "../../src/data/sample.ts";
import { problems, states, type Filter } from "../project/filter.ts";
import type { Project } from "../project/project.ts";
import { filter } from "../state/project.ts";
import { ALONE, sides } from "./sides.ts";

export function Filters({ project: { classes } }: { project: Project }) {
  const set = (change: Partial<Filter>) => (filter.value = { ...filter.value, ...change });
  const { text, label, state, side, problem } = filter.value;
  return (
    <form class="filters" role="search" onSubmit={(event) => event.preventDefault()}>
      <label>
        Search
        <input type="search" value={text} onInput={(event) => set({ text: event.currentTarget.value })} />
      </label>
      <Choice
        name="Class"
        value={label === undefined ? "" : String(label)}
        options={[...classes.names.map((name, i) => [String(i), name] as const), ["null", "no class"]]}
        set={(value) => set({ label: value === "" ? undefined : value === "null" ? null : Number(value) })}
      />
      <Choice
        name="State"
        value={state ?? ""}
        options={states.map((name) => [name, name])}
        set={(value) => set({ state: states.find((name) => name === value) })}
      />
      <Choice
        name="Side"
        value={side === null ? "null" : (side ?? "")}
        options={[...sides, ["null", ALONE]]}
        set={(value) => set({ side: value === "" ? undefined : value === "null" ? null : (value as Side) })}
      />
      <Choice
        name="To look at"
        value={problem ?? ""}
        options={problems.map((name) => [name, name])}
        set={(value) => set({ problem: problems.find((name) => name === value) })}
      />
    </form>
  );
}

interface ChoiceProps {
  name: string;
  /** "" for all. */
  value: string;
  options: readonly (readonly [value: string, text: string])[];
  set: (value: string) => void;
}

function Choice({ name, value, options, set }: ChoiceProps) {
  return (
    <label>
      {name}
      <select value={value} onChange={(event) => set(event.currentTarget.value)}>
        <option value="">all</option>
        {options.map(([of, text]) => (
          <option key={of} value={of}>
            {text}
          </option>
        ))}
      </select>
    </label>
  );
}
