/** Where runs and checkpoints come in: zip files of this page, folders of the command line. */
import { useRef, useState } from "preact/hooks";
import type { FileEntry } from "../../src/web/set-files.ts";
import { filesOfDrop, filesOfInput } from "../state/dropped.ts";
import { computeWorker } from "../state/engine.ts";
import { messageOf, say } from "../state/messages.ts";
import { addModels } from "../state/models.ts";
import { listRuns } from "../state/training.ts";

export function OpenRuns() {
  const [over, setOver] = useState(false);
  const [said, setSaid] = useState("");
  const folder = useRef<HTMLInputElement>(null);
  const files = useRef<HTMLInputElement>(null);

  const take = async (entries: readonly FileEntry[]) => {
    if (entries.length === 0) {
      say("There was no file in that.");
      return;
    }
    setSaid("Reading…");
    try {
      setSaid(await (entries.every(({ path }) => /\.safetensors$/i.test(path)) ? checkpoints : taken)(entries));
    } catch (error) {
      setSaid("");
      say(messageOf(error));
    }
    await listRuns();
  };
  const chosen = ({ currentTarget }: { currentTarget: HTMLInputElement }) => {
    if (currentTarget.files && currentTarget.files.length > 0) void take(filesOfInput(currentTarget.files));
    currentTarget.value = ""; // The same file may be chosen again.
  };

  return (
    <>
      <h3>Runs from elsewhere</h3>
      <div
        class={over ? "drop over" : "drop"}
        onDragOver={(event) => {
          event.preventDefault();
          setOver(true);
        }}
        onDragLeave={() => setOver(false)}
        onDrop={(event) => {
          event.preventDefault();
          setOver(false);
          filesOfDrop(event.dataTransfer!).then(take, (error: unknown) => say(messageOf(error)));
        }}
      >
        <p>
          Drop a run here: a zip file that was exported, or the folder of a run of the command line. A single checkpoint
          becomes one of the models.
        </p>
        <div class="toolbar">
          <button onClick={() => files.current!.click()}>Choose a zip file or checkpoint…</button>
          <button onClick={() => folder.current!.click()}>Choose a run's folder…</button>
        </div>
        <p class="small dim" role="status">
          {said}
        </p>
      </div>
      <input
        ref={folder}
        type="file"
        hidden
        aria-label="Run's folder"
        onChange={chosen}
        {...{ webkitdirectory: true }}
      />
      <input
        ref={files}
        type="file"
        hidden
        multiple
        aria-label="Run's file"
        accept=".zip,.safetensors"
        onChange={chosen}
      />
    </>
  );
}

/** @returns what was taken, in words */
async function taken(entries: readonly FileEntry[]): Promise<string> {
  const { names, notes } = await computeWorker().importRuns(entries);
  for (const note of notes) say(note);
  return names.length > 0 ? `Taken: ${names.join(", ")}.` : "";
}

async function checkpoints(entries: readonly FileEntry[]): Promise<string> {
  await addModels(entries.map(({ file }) => file as File));
  return "";
}
