/** What is drawn over the chosen picture, and how large: switches, zoom, the map's settings, the model beside. */
import { explainMethods, isOfClass, methodTitles, type ExplainMethod } from "../../src/explain/methods.ts";
import { ModelSelect } from "../parts/model-picker.tsx";
import { models } from "../state/models.ts";
import { results } from "../state/predictions.ts";
import type { ModelEntry } from "../worker/models.ts";
import { map, MOST_ZOOM, second, shown, zoom, zoomBy, ZOOM_STEP, type MapChoice } from "./shown.ts";

const parts = [
  ["outline", "Outline", "O"],
  ["box", "Box", "B"],
  ["truth", "Annotated boxes", "T"],
  ["map", "Map", "H"],
] as const;

export function Controls({ model }: { model: ModelEntry }) {
  const set = (change: Partial<MapChoice>) => (map.value = { ...map.value, ...change });
  const others = (models.value ?? []).filter(({ id }) => id !== model.id);
  return (
    <>
      <div class="toolbar" role="group" aria-label="Shown">
        {parts.map(([name, title, key]) => (
          <label key={name} class="check">
            <input
              type="checkbox"
              checked={shown.value[name]}
              disabled={(name === "map" && model.methods.length === 0) || (name === "truth" && !results.value!.of)}
              onChange={(event) => (shown.value = { ...shown.value, [name]: event.currentTarget.checked })}
            />
            {title} <kbd>{key}</kbd>
          </label>
        ))}
        <button onClick={() => zoomBy(ZOOM_STEP)} aria-label="Zoom in" disabled={zoom.value >= MOST_ZOOM}>
          +
        </button>
        <button onClick={() => zoomBy(1 / ZOOM_STEP)} aria-label="Zoom out" disabled={zoom.value <= 1}>
          −
        </button>
        <button onClick={() => (zoom.value = 1)} disabled={zoom.value === 1}>
          Fit
        </button>
      </div>
      {shown.value.map && model.methods.length > 0 && <MapControls model={model} set={set} />}
      {others.length > 0 && (
        <div class="filters">
          <ModelSelect
            label="Beside it"
            none="no other model"
            value={second.value}
            among={({ id }) => id !== model.id}
            choose={(id) => (second.value = id === "" ? undefined : id)}
          />
        </div>
      )}
    </>
  );
}

function MapControls({ model, set }: { model: ModelEntry; set: (change: Partial<MapChoice>) => void }) {
  const { method = model.methods[0]!, point, of, before, opacity } = map.value;
  const { points, methods, classes } = model;
  return (
    <div class="filters" role="group" aria-label="Map">
      {methods.length > 1 && (
        <label>
          Method
          <select
            value={method}
            onChange={(event) => set({ method: event.currentTarget.value as ExplainMethod, point: undefined })}
          >
            {explainMethods
              .filter((name) => methods.includes(name))
              .map((name) => (
                <option key={name} value={name}>
                  {methodTitles[name]}
                </option>
              ))}
          </select>
        </label>
      )}
      {method === "gradcam" && (
        <label>
          Scale
          <select value={point ?? points.at(-1)} onChange={(event) => set({ point: event.currentTarget.value })}>
            {points.map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </label>
      )}
      {isOfClass(method) && (
        <label>
          Of class
          <select
            value={of ?? ""}
            onChange={({ currentTarget: { value } }) => set({ of: value === "" ? undefined : value })}
          >
            <option value="">predicted</option>
            {classes.names.map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </label>
      )}
      {isOfClass(method) && (
        <label>
          Features
          <select value={String(before)} onChange={(event) => set({ before: event.currentTarget.value === "true" })}>
            <option value="false">after enhancement</option>
            <option value="true">before enhancement</option>
          </select>
        </label>
      )}
      <label>
        Opacity, {Math.round(100 * opacity)} %
        <input
          type="range"
          min={0}
          max={1}
          step={0.05}
          value={opacity}
          onInput={(event) => set({ opacity: event.currentTarget.valueAsNumber })}
        />
      </label>
    </div>
  );
}
