/** The form of a new training. */
import { useEffect, useState } from "preact/hooks";
import type { TrainConfig } from "../../src/train/config.ts";
import { computeWorker } from "../state/engine.ts";
import { messageOf, say } from "../state/messages.ts";
import { project } from "../state/project.ts";
import { dataOf } from "../project/data-name.ts";
import { start } from "../state/training.ts";
import { FollowChoice, type Follow } from "../train/follow-choice.tsx";
import { StartFrom } from "../train/start-from.tsx";
import { TimeEstimate } from "../train/time-estimate.tsx";
import { labelOf } from "../train/labels.ts";
import { size } from "../train/words.ts";
import { TypedInput } from "./typed-input.tsx";
import type { ModelId } from "../worker/models.ts";
import type { Forecast, Taken } from "../worker/training.ts";
import { valueOf, withValue } from "../worker/fields.ts";
import type { Field, ModelInfo } from "../worker/settings.ts";

type Preset = "quick" | "paper";

/** The settings that a choice of network brings. */
interface Opened {
  model: string;
  preset: Preset;
  data: string;
  fields: readonly Field[];
  config: TrainConfig;
  /** Whether those shown before had been changed. */
  changed: boolean;
}

/** Fields that most people look at; the others are folded away. */
const FIRST = /^epochs\.|^(?:batch|lr|width|val)$/;

const SIZES = [64, 96, 128, 160, 192, 224, 256, 320];

export function NewRun() {
  const [models, setModels] = useState<readonly ModelInfo[]>([]);
  const [model, setModel] = useState("mganet");
  const [preset, setPreset] = useState<Preset>("quick");
  const [opened, setOpened] = useState<Opened>();
  const [config, setConfig] = useState<TrainConfig>();
  const [from, setFrom] = useState<ModelId>();
  const [taken, setTaken] = useState<Taken>();
  const [follow, setFollow] = useState<Follow>();
  const [forecast, setForecast] = useState<Forecast>();
  const data = project.value ? dataOf(project.value.name) : "phantom";

  useEffect(() => {
    computeWorker()
      .models()
      .then(setModels, (error: unknown) => say(messageOf(error)));
  }, []);

  useEffect(() => {
    let current = true;
    computeWorker()
      .preset(model, preset, data)
      .then(
        (found) => {
          if (!current) return; // Another one has been chosen meanwhile.
          const own = { ...found.config, data };
          const changed = opened !== undefined && JSON.stringify(config) !== JSON.stringify(opened.config);
          setFrom(undefined);
          setOpened({ model, preset, data, fields: found.fields, config: own, changed });
          setConfig(own);
        },
        (error: unknown) => say(messageOf(error)),
      );
    return () => {
      current = false;
    };
  }, [model, preset, data]);

  useEffect(() => {
    if (!config) return;
    setForecast(undefined);
    // While someone types, every number on the way would be planned.
    const timer = setTimeout(() => {
      computeWorker()
        .forecast(config)
        .then(setForecast, (error: unknown) => say(messageOf(error)));
    }, 300);
    return () => clearTimeout(timer);
  }, [config]);

  if (!config || !opened) return <p role="status">Opening the settings…</p>;
  const { fields } = opened;
  /** The settings shown are still those of the network chosen before. */
  const opening = opened.model !== model || opened.preset !== preset || opened.data !== data;
  // Two fields may change before the next drawing.
  const set = (name: string, value: unknown) => setConfig((now) => now && withValue(now, name, value));
  const show = (some: readonly Field[]) =>
    some.map((field) => (
      <FieldInput key={field.name} field={field} value={valueOf(config, field.name)} set={(v) => set(field.name, v)} />
    ));
  const fault = forecast && !forecast.ok ? forecast : undefined;
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        const data = project.value?.name ?? "synthetic images";
        void start(config, { data, from: from ?? null, watched: follow ?? "default" });
      }}
    >
      <p>
        On{" "}
        <b>
          {project.value
            ? `${project.value.name} (${project.value.images.length} images)`
            : `${config.phantomImages} synthetic images`}
        </b>
        .
      </p>
      <div class="filters">
        <label>
          Network
          <select value={model} onChange={(event) => setModel(event.currentTarget.value)}>
            {models.map(({ id, title }) => (
              <option key={id} value={id}>
                {title}
              </option>
            ))}
          </select>
        </label>
        <label>
          Settings
          <select value={preset} onChange={(event) => setPreset(event.currentTarget.value as Preset)}>
            <option value="quick">quick: a small network, minutes</option>
            <option value="paper">as published: hours on a fast graphics card</option>
          </select>
        </label>
        <label>
          Pixels a side
          <select
            disabled={opening}
            value={config.size[0]}
            onChange={(event) => set("size", [Number(event.currentTarget.value), Number(event.currentTarget.value)])}
          >
            {SIZES.map((side) => (
              <option key={side}>{side}</option>
            ))}
          </select>
        </label>
      </div>
      {opened.changed && !opening && (
        <p role="status" class="small dim">
          These are the network's own settings; what was changed for another choice is not kept.
        </p>
      )}
      <fieldset class="bare" disabled={opening}>
        <StartFrom
          config={config}
          from={from}
          taken={taken}
          onTaken={setTaken}
          branch={fields.find(({ name }) => name === "freeze")?.choices?.find((choice) => choice !== "none")}
          choose={(id, changed) => {
            setFrom(id);
            setConfig(changed);
          }}
        />
        <div class="filters">{show(fields.filter(({ name }) => FIRST.test(name)))}</div>
        <details>
          <summary>More settings</summary>
          <div class="filters">{show(fields.filter(({ name }) => !FIRST.test(name) && name !== "freeze"))}</div>
        </details>
        <FollowChoice follow={follow} choose={setFollow} />
        <p role="status" class={fault ? "fault" : "dim"}>
          {!forecast && "Planning the memory…"}
          {forecast?.ok &&
            `Needs about ${size(forecast.needs.device)} of graphics memory and ${size(forecast.needs.host)} beside it.`}
          {fault && faultText(fault)}
        </p>
        <TimeEstimate config={config} possible={forecast?.ok === true} />
        <button class="main" disabled={!forecast?.ok || (from !== undefined && !taken?.ok)}>
          Train
        </button>
      </fieldset>
    </form>
  );
}

/** With the setting's name in this form, once. */
function faultText({ setting, message }: { setting?: string | undefined; message: string }): string {
  if (setting === undefined) return message;
  const bare = message.startsWith(`${setting}: `) ? message.slice(setting.length + 2) : message;
  return `${labelOf(setting)}: ${bare}`;
}

function FieldInput({ field, value, set }: { field: Field; value: unknown; set: (value: unknown) => void }) {
  const { name, label, help, kind, choices } = field;
  if (kind === "flag") {
    return (
      <label class="check" title={help}>
        <input type="checkbox" checked={value === true} onChange={(event) => set(event.currentTarget.checked)} />
        {label}
      </label>
    );
  }
  if (kind === "choice") {
    return (
      <label title={help}>
        {label}
        <select value={String(value)} onChange={(event) => set(event.currentTarget.value)}>
          {choices!.map((choice) => (
            <option key={choice}>{choice}</option>
          ))}
        </select>
      </label>
    );
  }
  return (
    <label title={help}>
      {label}
      <TypedInput
        type="number"
        name={name}
        step="any"
        class="short"
        value={typeof value === "number" ? value : ""}
        take={(input) => set(input.value === "" ? undefined : input.valueAsNumber)}
      />
    </label>
  );
}
