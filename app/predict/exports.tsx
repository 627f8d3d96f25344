/** Buttons that write the results to files. */
import { useState } from "preact/hooks";
import { messageOf, say } from "../state/messages.ts";
import { imagesWorker } from "../state/project.ts";
import { progress, results, threshold } from "../state/predictions.ts";
import { save } from "../state/save.ts";
import { safeName, toCsv, toJson, type Exported } from "./export.ts";
import { placeOf, readings, shown } from "./shown.ts";
import { NOTE } from "./words.ts";
import { toZip } from "./zip.ts";

interface Writing {
  done: number;
  stop: () => void;
}

export function Exports() {
  const [writing, setWriting] = useState<Writing>();
  const now = results.value!;
  const exported = (): Exported => {
    return { model: now.model, threshold: threshold.value, readings: readings.value, left: now.left };
  };
  const name = `predictions ${safeName(now.title)}`;
  const pictures = async () => {
    const controller = new AbortController();
    const stop = () => controller.abort();
    setWriting({ done: 0, stop });
    try {
      const zip = await toZip({
        ...exported(),
        ...{ placeOf, shown: shown.value, signal: controller.signal },
        open: (place) => imagesWorker().bitmap(place),
        onProgress: (done) => setWriting({ done, stop }),
      });
      save(`${name}.zip`, zip, "application/zip");
    } catch (error) {
      if (!controller.signal.aborted) say(`The pictures cannot be saved: ${messageOf(error)}`);
    } finally {
      setWriting(undefined);
    }
  };
  return (
    <section aria-labelledby="save">
      <h2 id="save">Save</h2>
      <div class="toolbar">
        <button onClick={() => save(`${name}.csv`, toCsv(exported()), "text/csv")}>CSV</button>
        <button onClick={() => save(`${name}.json`, toJson(exported()), "application/json")}>JSON</button>
        <button disabled={writing !== undefined} onClick={() => void pictures()}>
          ZIP with all pictures
        </button>
        {writing && (
          <>
            <span role="status">
              Picture {writing.done} of {readings.value.length}…
            </span>
            <button onClick={writing.stop}>Stop</button>
          </>
        )}
      </div>
      <p class="small dim">
        {progress.value ? "What is predicted so far. " : ""}
        JSON as the command line writes it. Each file names the images as they are named here; the ZIP also shows them.{" "}
        {NOTE}
      </p>
    </section>
  );
}
