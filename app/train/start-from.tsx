/** What a training begins from: new weights, or those of an earlier model. */
import { useEffect, useRef } from "preact/hooks";
import type { TrainConfig } from "../../src/train/config.ts";
import { ModelSelect } from "../parts/model-picker.tsx";
import { computeWorker } from "../state/engine.ts";
import { messageOf, say } from "../state/messages.ts";
import { addWeights, listModels, listWeights, models, removeWeights, weights } from "../state/models.ts";
import type { ModelId } from "../worker/models.ts";
import type { Taken } from "../worker/training.ts";

interface Props {
  config: TrainConfig;
  /** Undefined: new weights. */
  from: ModelId | undefined;
  choose: (from: ModelId | undefined, config: TrainConfig) => void;
  /** What these settings take of the model's weights; undefined while it is not known. */
  taken: Taken | undefined;
  onTaken: (taken: Taken | undefined) => void;
  /** The phase whose branch can be left as it is; undefined if the network has none. */
  branch: string | undefined;
}

/** Without a model to begin from: nothing can be left as it is. */
function withoutOrigin(config: TrainConfig): TrainConfig {
  const rest = { ...config };
  delete (rest as { init?: unknown }).init;
  return config.freeze === undefined ? rest : { ...rest, freeze: "none" };
}

export function StartFrom({ config, from, choose, taken, onTaken, branch }: Props) {
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => {
    void listModels();
    void listWeights();
  }, []);
  useEffect(() => {
    onTaken(undefined);
    if (from === undefined) return;
    let current = true;
    computeWorker()
      .taken(config, from)
      .then(
        (found) => {
          if (current) onTaken(found);
        },
        (error: unknown) => say(messageOf(error)),
      );
    return () => {
      current = false;
    };
  }, [config, from]);

  const pick = async (id: ModelId) => {
    if (id === "") {
      choose(undefined, withoutOrigin(config));
      return;
    }
    try {
      choose(id, { ...withoutOrigin(config), init: await computeWorker().origin(id) });
    } catch (error) {
      say(messageOf(error));
    }
  };
  const leave = (on: boolean) => {
    const epochs = on ? { ...config.epochs, [branch!]: 0 } : config.epochs;
    choose(from, { ...config, epochs, freeze: on ? branch! : "none" });
  };
  const open = async (file: File) => {
    const id = await addWeights(file);
    if (id !== undefined) await pick(id);
  };
  const isWeights = from?.startsWith("weights:") === true;
  const possible = (models.value ?? []).filter(({ model }) => model === config.model);
  return (
    <>
      <div class="filters">
        <ModelSelect
          label="Start from"
          none={possible.length > 0 ? "new weights" : "new weights: no model fits yet"}
          more={(weights.value ?? []).map(({ id, name }) => ({ id, text: `${name}: weights of another program` }))}
          value={from}
          choose={(id) => void pick(id)}
          among={(entry) => possible.includes(entry)}
        />
        <button type="button" onClick={() => input.current!.click()}>
          Open weights…
        </button>
        <input
          ref={input}
          type="file"
          hidden
          accept=".pth,.pt,.bin,.ckpt,.safetensors"
          aria-label="File of weights"
          onChange={({ currentTarget }) => {
            const [file] = currentTarget.files ?? [];
            if (file) void open(file);
            currentTarget.value = "";
          }}
        />
        {isWeights && (
          <button
            type="button"
            aria-label={`Remove ${from.slice("weights:".length)}`}
            onClick={() => void pick("").then(() => removeWeights(from))}
          >
            Remove
          </button>
        )}
        {from !== undefined && !isWeights && branch !== undefined && (
          <label class="check">
            <input
              type="checkbox"
              checked={config.freeze === branch}
              onChange={(event) => leave(event.currentTarget.checked)}
            />
            Leave the {branch} as it is
          </label>
        )}
      </div>
      {from !== undefined && taken && (
        <p role="status" class={taken.ok ? "dim small" : "fault"}>
          {taken.ok ? `Begins with ${taken.text}.` : taken.message}
        </p>
      )}
    </>
  );
}
