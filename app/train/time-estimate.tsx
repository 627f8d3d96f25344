/** How long a training would take, from a few of its steps. */
import { useEffect, useRef, useState } from "preact/hooks";
import type { TrainConfig } from "../../src/train/config.ts";
import type { TimeEstimate as Estimate } from "../../src/train/estimate.ts";
import { computeWorker } from "../state/engine.ts";
import { messageOf } from "../state/messages.ts";
import { duration, rate } from "./words.ts";

type State =
  | { kind: "none" }
  | { kind: "running"; doing: string }
  | { kind: "done"; estimate: Estimate }
  | { kind: "failed"; reason: string };

export function TimeEstimate({ config, possible }: { config: TrainConfig; possible: boolean }) {
  const [state, setState] = useState<State>({ kind: "none" });
  const running = useRef<AbortController>(undefined);
  const stop = () => {
    running.current?.abort();
    running.current = undefined;
    setState({ kind: "none" });
  };
  // What was measured holds for these settings only.
  useEffect(() => stop, [config]);

  const measure = async () => {
    const controller = new AbortController();
    running.current = controller;
    setState({ kind: "running", doing: "Opening" });
    const show = (next: State) => {
      if (running.current === controller) setState(next);
    };
    try {
      const estimate = await computeWorker().estimate(config, {
        signal: controller.signal,
        onEvent: ({ title, what }) => show({ kind: "running", doing: `${title}: ${what}` }),
      });
      show({ kind: "done", estimate });
    } catch (error) {
      show({ kind: "failed", reason: messageOf(error) });
    }
  };

  return (
    <div class="estimate">
      <div class="toolbar">
        {state.kind === "running" ? (
          <button type="button" onClick={stop}>
            Stop timing
          </button>
        ) : (
          <button type="button" disabled={!possible} onClick={() => void measure()}>
            Time a few steps
          </button>
        )}
        <span role="status" class={state.kind === "failed" ? "fault" : "dim"}>
          {state.kind === "none" &&
            "How long it would take on this adapter; what is compiled for it, the training uses."}
          {state.kind === "running" && `${state.doing}…`}
          {state.kind === "done" && `About ${duration(state.estimate.all)}, without reading images.`}
          {state.kind === "failed" && `It cannot be timed: ${state.reason}`}
        </span>
      </div>
      {state.kind === "done" && <Phases {...state.estimate} />}
    </div>
  );
}

function Phases({ phases }: Estimate) {
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label="Time by phase">
      <table>
        <thead>
          <tr>
            {["Phase", "A step", "Images/s", "An epoch", "Epochs", "In all"].map((head) => (
              <th key={head} scope="col">
                {head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {phases.map(({ stage, title, step, imagesPerSecond, epoch, epochs, all }) => (
            <tr key={stage}>
              <th scope="row">{title}</th>
              <td>{duration(step)}</td>
              <td>{rate(imagesPerSecond)}</td>
              <td>{duration(epoch)}</td>
              <td>{epochs}</td>
              <td>{duration(all)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
