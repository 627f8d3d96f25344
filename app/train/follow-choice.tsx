/** Which images are followed through a training. */
import { useState } from "preact/hooks";
import { project } from "../state/project.ts";

/** Chosen ids; undefined for the rule. */
export type Follow = readonly string[] | undefined;

/** As in src/runs/followed.ts, which the page need not load. */
const MOST = 8;
/** More suggestions than these nobody reads. */
const SUGGESTED = 40;

export function FollowChoice({ follow, choose }: { follow: Follow; choose: (follow: Follow) => void }) {
  const [text, setText] = useState("");
  const [fault, setFault] = useState("");
  const ids = project.value?.images.map(({ id }) => id);
  const chosen = follow ?? [];
  const add = () => {
    const id = text.trim();
    if (id === "") return;
    const why = chosen.includes(id)
      ? `${id} is followed already.`
      : ids && !ids.includes(id)
        ? `There is no image ${id} in this project.`
        : chosen.length >= MOST
          ? `At most ${MOST} images are followed.`
          : "";
    setFault(why);
    if (why !== "") return;
    choose([...chosen, id]);
    setText("");
  };
  const suggested = text === "" ? [] : (ids ?? []).filter((id) => id.includes(text)).slice(0, SUGGESTED);
  return (
    <details>
      <summary>
        {follow === undefined
          ? "Images to follow: four held-out ones"
          : follow.length === 0
            ? "Images to follow: none"
            : `Images to follow: ${follow.length}`}
      </summary>
      <p class="small dim">
        After each epoch their mask and probability are shown, which changes nothing in the training. Four are the first
        held-out images: as many of each class, at most one of a patient. Or choose by name.
      </p>
      <div class="filters">
        <label>
          Image
          <input
            list="follow-names"
            value={text}
            onInput={(event) => setText(event.currentTarget.value)}
            onKeyDown={(event) => {
              if (event.key !== "Enter") return;
              event.preventDefault(); // Not the form's button.
              add();
            }}
          />
        </label>
        <datalist id="follow-names">
          {suggested.map((id) => (
            <option key={id} value={id} />
          ))}
        </datalist>
        <button type="button" onClick={add}>
          Follow it
        </button>
        <button type="button" disabled={follow?.length === 0} onClick={() => choose([])}>
          Follow none
        </button>
        <button type="button" disabled={follow === undefined} onClick={() => choose(undefined)}>
          Follow four
        </button>
      </div>
      {fault !== "" && (
        <p role="alert" class="fault">
          {fault}
        </p>
      )}
      {chosen.length > 0 && (
        <ul class="plain">
          {chosen.map((id) => (
            <li key={id}>
              {id}
              <button
                type="button"
                aria-label={`Do not follow ${id}`}
                onClick={() => choose(chosen.filter((other) => other !== id))}
              >
                Remove
              </button>
            </li>
          ))}
        </ul>
      )}
    </details>
  );
}
