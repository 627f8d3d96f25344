/** One line that a person writes about a run. */
import { useState } from "preact/hooks";
import { computeWorker } from "../state/engine.ts";
import { messageOf, say } from "../state/messages.ts";
import { listRuns } from "../state/training.ts";
import type { RunInfo } from "../worker/run-list.ts";

/** As in app/worker/run-list.ts, which the page need not load. */
const MOST = 200;

export function Note({ run: { name, note } }: { run: RunInfo }) {
  const [text, setText] = useState<string>();
  if (text === undefined) {
    return (
      <div class="note">
        {note !== "" && <span class="dim small">{note}</span>}
        <button
          aria-label={`${note === "" ? "Write a note on" : "Change the note on"} ${name}`}
          onClick={() => setText(note)}
        >
          {note === "" ? "Note…" : "Change…"}
        </button>
      </div>
    );
  }
  return (
    <form
      class="note"
      onSubmit={(event) => {
        event.preventDefault();
        computeWorker()
          .setNote(name, text)
          .then(listRuns)
          .then(
            () => setText(undefined),
            (error: unknown) => say(messageOf(error)),
          );
      }}
    >
      <input
        aria-label={`Note on ${name}`}
        value={text}
        maxLength={MOST}
        ref={(input) => input?.focus()}
        onInput={(event) => setText(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === "Escape") setText(undefined);
        }}
      />
      <button>Keep</button>
    </form>
  );
}
