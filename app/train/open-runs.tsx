/** Where runs and checkpoints come in: zip files of this page, folders of the command line. */
import { useState } from "preact/hooks";
import type { FileEntry } from "../../src/web/set-files.ts";
import { DropZone } from "../parts/drop-zone.tsx";
import { computeWorker } from "../state/engine.ts";
import { messageOf, say } from "../state/messages.ts";
import { addModels } from "../state/models.ts";
import { listRuns } from "../state/training.ts";

export function OpenRuns() {
  const [said, setSaid] = useState("");

  const take = async (entries: readonly FileEntry[]) => {
    setSaid("Reading…");
    try {
      setSaid(await (entries.every(({ path }) => /\.safetensors$/i.test(path)) ? checkpoints : taken)(entries));
    } catch (error) {
      setSaid("");
      say(messageOf(error));
    }
    await listRuns();
  };

  return (
    <>
      <h3>Runs from elsewhere</h3>
      <DropZone
        take={(entries) => void take(entries)}
        names={{ folder: "Run's folder", files: "Run's file" }}
        accept=".zip,.safetensors"
      >
        {(choose) => (
          <>
            <p>
              Drop a run here: a zip file that was exported, or the folder of a run of the command line. A single
              checkpoint becomes one of the models.
            </p>
            <div class="toolbar">
              <button onClick={choose.files}>Choose a zip file or checkpoint…</button>
              <button onClick={choose.folder}>Choose a run's folder…</button>
            </div>
            <p class="small dim" role="status">
              {said}
            </p>
          </>
        )}
      </DropZone>
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
