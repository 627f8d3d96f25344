/** What is done with several images at once: select them, set their class, patient or side, take that back. */
import { useState } from "preact/hooks";
import type { Side } from "../../src/data/sample.ts";
import type { BatchChange } from "../annotate/batch.ts";
import type { Project } from "../project/project.ts";
import { shown } from "../state/project.ts";
import { annotateChosen, batches, chosen, chosenShown, undoBatch } from "../state/selection.ts";
import { ALONE, sides } from "./sides.ts";

interface Props {
  project: Project;
  /** Whether a click selects. */
  selecting: boolean;
  onSelecting: (on: boolean) => void;
}

export function SelectedImages({ project, selecting, onSelecting }: Props) {
  const { size } = chosenShown.value;
  const last = batches.value.at(-1);
  return (
    <section aria-label="Selected images">
      <div class="toolbar">
        <button
          aria-pressed={selecting}
          title="Or Ctrl and click, Shift and click, the space bar"
          onClick={() => onSelecting(!selecting)}
        >
          Select
        </button>
        <button onClick={() => (chosen.value = new Set(shown.value))} disabled={shown.value.length === 0}>
          Select all
        </button>
        {size > 0 && <button onClick={() => (chosen.value = new Set())}>Select none</button>}
        {last && (
          <button onClick={undoBatch}>
            Undo: {inWords(last.change, project)} for {count(last.before.size)}
          </button>
        )}
        <span class="dim small" role="status">
          {size > 0 && `${count(size)} selected`}
        </span>
      </div>
      {size > 0 && <Forms key={JSON.stringify(project.classes.names)} project={project} />}
    </section>
  );
}

const count = (images: number): string => (images === 1 ? "1 image" : `${images} images`);

function inWords({ label, patient, side }: BatchChange, { classes }: Project): string {
  if (label !== undefined) return `class ${label === null ? "unknown" : classes.names[label]!}`;
  if (patient !== undefined) return `patient ${patient === "" ? "unknown" : patient}`;
  return `side ${sides.find(([of]) => of === side)?.[1] ?? ALONE}`;
}

function Forms({ project: { classes } }: { project: Project }) {
  const [label, setLabel] = useState("0");
  const [patient, setPatient] = useState("");
  const [side, setSide] = useState("train");
  const form = (change: () => BatchChange) => (event: SubmitEvent) => {
    event.preventDefault();
    annotateChosen(change());
  };
  return (
    <div class="filters">
      <form class="joined" onSubmit={form(() => ({ label: label === "null" ? null : Number(label) }))}>
        <label>
          Class of all selected
          <select value={label} onChange={(event) => setLabel(event.currentTarget.value)}>
            {classes.names.map((name, i) => (
              <option key={name} value={String(i)}>
                {name}
              </option>
            ))}
            <option value="null">unknown</option>
          </select>
        </label>
        <button>Set class</button>
      </form>
      <form class="joined" onSubmit={form(() => ({ patient: patient.trim() }))}>
        <label>
          Patient of all selected
          <input
            type="text"
            maxLength={100}
            placeholder="unknown"
            value={patient}
            onInput={(event) => setPatient(event.currentTarget.value)}
          />
        </label>
        <button>Set patient</button>
      </form>
      <form class="joined" onSubmit={form(() => ({ side: side === "null" ? null : (side as Side) }))}>
        <label>
          Side of all selected
          <select value={side} onChange={(event) => setSide(event.currentTarget.value)}>
            {sides.map(([of, text]) => (
              <option key={of} value={of}>
                {text}
              </option>
            ))}
            <option value="null">{ALONE}</option>
          </select>
        </label>
        <button>Set side</button>
      </form>
    </div>
  );
}
