/** A model's proposals beside the picture: asked for, confirmed, dismissed. */
import { useEffect } from "preact/hooks";
import { ModelSelect } from "../parts/model-picker.tsx";
import type { Project } from "../project/project.ts";
import { say } from "../state/messages.ts";
import { chooseModel, listModels, model, models, modelWhenListed } from "../state/models.ts";
import { project, shown } from "../state/project.ts";
import {
  confirm,
  confirmAll,
  confirmedAtOnce,
  dismiss,
  proposals,
  propose,
  proposing,
  undoConfirmAll,
} from "./proposals.ts";

const withoutBox = ({ images }: Project): number[] =>
  images.flatMap(({ boxes, empty }, i) => (boxes.length === 0 && !empty ? [i] : []));

/** The model that is asked: the chosen one where it draws outlines, else the first that does. */
const proposer = () => (model.value?.outlines ? model.value : models.value?.find(({ outlines }) => outlines));

export function ProposalPanel({ index }: { index: number }) {
  useEffect(() => void (models.value ?? listModels()), []);
  useKeys(index);
  const open = project.value!;
  const asked = proposer();
  const busy = proposing.value;
  const bare = withoutBox(open);
  const waiting = shown.value.filter((i) => proposals.value.has(i));
  if (!asked) return null;
  return (
    <fieldset>
      <legend>A model&apos;s proposals</legend>
      <ModelSelect label="Model" value={asked.id} among={({ outlines }) => outlines} choose={chooseModel} />
      <div class="toolbar">
        <button disabled={busy !== undefined} onClick={() => void propose(asked, [index])}>
          Propose boxes <kbd>M</kbd>
        </button>
        {bare.length > 1 && (
          <button disabled={busy !== undefined} onClick={() => void propose(asked, bare)}>
            for all {bare.length} without a box
          </button>
        )}
      </div>
      {busy && (
        <div class="progress">
          <p role="status">
            Proposing, {busy.done} of {busy.total}…
          </p>
          <progress value={busy.done} max={busy.total} aria-label="Proposing" />
          <button onClick={busy.stop}>Stop</button>
        </div>
      )}
      <Waiting index={index} />
      {waiting.length > 1 && (
        <button onClick={() => confirmAll(waiting)}>Confirm all of {waiting.length} images shown</button>
      )}
      {confirmedAtOnce.value > 0 && (
        <button onClick={undoConfirmAll}>Take back the confirming of {confirmedAtOnce.value} images</button>
      )}
    </fieldset>
  );
}

/** What is proposed for this image. */
function Waiting({ index }: { index: number }) {
  const proposal = proposals.value.get(index);
  if (!proposal) return null;
  const { names } = project.value!.classes;
  const { label, boxes, verdict, by } = proposal;
  const sets = project.value!.images[index]!.label === null && label !== undefined;
  return (
    <>
      <p class="small" role="status">
        {boxes.length === 1 ? "1 box" : `${boxes.length} boxes`} proposed by {by}
        {verdict !== undefined && `, ${verdict}`}: dashed, and no annotation before it is confirmed
        {sets && `, with the class ${names[label]!}`}. Dragging one mends and confirms it.
      </p>
      <div class="toolbar">
        <button class="main" onClick={() => confirm(index)}>
          Confirm <kbd>Enter</kbd>
        </button>
        <button onClick={() => dismiss(index)}>
          Dismiss <kbd>Esc</kbd>
        </button>
      </div>
    </>
  );
}

/** By key, which may come before the models are listed. */
async function askAbout(index: number): Promise<void> {
  await modelWhenListed();
  const asked = proposer();
  if (asked) await propose(asked, [index]);
  else say("There is no model that draws outlines, so none proposes boxes: open one in Predict.");
}

/** What Enter and letters have a meaning of their own for. */
const OWN_KEYS = "input, select, textarea, button, a, summary";

function useKeys(index: number): void {
  useEffect(() => {
    const listen = (event: KeyboardEvent) => {
      const { target, key, ctrlKey, metaKey, altKey } = event;
      if (ctrlKey || metaKey || altKey) return;
      const own = target instanceof Element && target.matches(OWN_KEYS);
      const fields =
        target instanceof Element && target.matches("input:not([type=radio], [type=checkbox]), select, textarea");
      if (key === "m" && !fields) void askAbout(index);
      else if (key === "Enter" && !own && proposals.value.has(index)) confirm(index);
      else if (key === "Escape" && proposals.value.has(index)) dismiss(index);
      else return;
      event.preventDefault();
    };
    addEventListener("keydown", listen);
    return () => removeEventListener("keydown", listen);
  }, [index]);
}
