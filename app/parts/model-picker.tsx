/** Choice of a trained model: the page's own, a run's, or one from a file. */
import { useEffect, useRef } from "preact/hooks";
import { addModels, chooseModel, listModels, model, models, removeModel } from "../state/models.ts";
import type { ModelEntry, ModelId } from "../worker/models.ts";

interface Choice {
  label: string;
  value: ModelId | undefined;
  choose: (id: ModelId) => void;
  /** Which of them may be chosen; default all. */
  among?: (entry: ModelEntry) => boolean;
  /** The first choice, for none. */
  none?: string;
  /** Further choices, after the models. */
  more?: readonly { readonly id: ModelId; readonly text: string }[];
}

/** A select of models; "" is none. */
export function ModelSelect({ label, value, choose, among = () => true, none, more = [] }: Choice) {
  return (
    <label>
      {label}
      <select value={value ?? ""} onChange={(event) => choose(event.currentTarget.value)}>
        {none !== undefined && <option value="">{none}</option>}
        {(models.value ?? []).filter(among).map((entry) => (
          <option key={entry.id} value={entry.id}>
            {describe(entry)}
          </option>
        ))}
        {more.map(({ id, text }) => (
          <option key={id} value={id}>
            {text}
          </option>
        ))}
      </select>
    </label>
  );
}

const describe = ({ name, title, size, epochs }: ModelEntry): string =>
  `${name}: ${title}, ${size.join("×")}, ${epochs} epoch${epochs === 1 ? "" : "s"}`;

/** The model that is asked, with the way to open one from a file. */
export function ModelPicker() {
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => void listModels(), []);
  if (!models.value) return <p role="status">Looking for models…</p>;
  const chosen = model.value;
  return (
    <div class="filters">
      <ModelSelect label="Model" value={chosen?.id} choose={chooseModel} />
      <button onClick={() => input.current!.click()}>Open a checkpoint…</button>
      {chosen?.id.startsWith("file:") && (
        <button aria-label={`Remove ${chosen.name}`} onClick={() => void removeModel(chosen.id)}>
          Remove
        </button>
      )}
      <input
        ref={input}
        type="file"
        hidden
        multiple
        accept=".safetensors"
        aria-label="Checkpoint"
        onChange={({ currentTarget }) => {
          void addModels(Array.from(currentTarget.files ?? []));
          currentTarget.value = "";
        }}
      />
    </div>
  );
}
