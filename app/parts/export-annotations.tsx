/** Saves a project's annotations as files; what a format cannot hold is said before. */
import { useEffect, useState } from "preact/hooks";
import { exportFormats, type ExportFormat } from "../project/export/formats.ts";
import type { Project } from "../project/project.ts";
import { messageOf, say } from "../state/messages.ts";
import { flush, imagesWorker, saved } from "../state/project.ts";
import { save } from "../state/save.ts";
import type { ImportEvent } from "../worker/images.ts";

export function ExportAnnotations({ project }: { project: Project }) {
  const [open, setOpen] = useState(false);
  return (
    <details open={open} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>Save annotations as files</summary>
      {open && <Form project={project} />}
    </details>
  );
}

/** What is known of the export that is chosen. */
type Check = { losses: readonly string[] } | { fault: string } | undefined;

function Form({ project }: { project: Project }) {
  const { name, source } = project;
  const [format, setFormat] = useState<ExportFormat>("manifest");
  const [withPictures, setWithPictures] = useState(source.kind === "phantom");
  const [check, setCheck] = useState<Check>();
  const [progress, setProgress] = useState<ImportEvent & { stop: () => void }>();

  useEffect(() => {
    setCheck(undefined);
    const controller = new AbortController();
    const { signal } = controller;
    const found = (value: Check) => {
      if (!signal.aborted) setCheck(value);
    };
    void flush()
      .then(() => imagesWorker().checkExport(name, format, withPictures, { signal }))
      .then(
        (losses) => found({ losses }),
        (error: unknown) => found({ fault: messageOf(error) }),
      );
    return () => controller.abort();
  }, [project, format, withPictures]);

  const start = async () => {
    await flush();
    if (!saved.value) return; // Said by flush.
    const controller = new AbortController();
    const stop = () => controller.abort();
    setProgress({ what: "Saving", done: 0, total: 0, stop });
    try {
      const packed = await imagesWorker().exportFiles(name, format, withPictures, {
        onEvent: (event) => setProgress({ ...event, stop }),
        signal: controller.signal,
      });
      save(packed.name ?? `${name} annotations.zip`, packed.blob);
    } catch (error) {
      if (!controller.signal.aborted) say(`The annotations are not saved as files: ${messageOf(error)}`);
    } finally {
      setProgress(undefined);
    }
  };

  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        void start();
      }}
    >
      <div class="filters">
        <label>
          Format
          <select value={format} onChange={(event) => setFormat(event.currentTarget.value as ExportFormat)}>
            {exportFormats.map(({ format: of, title }) => (
              <option key={of} value={of}>
                {title}
              </option>
            ))}
          </select>
        </label>
        <label class="check">
          <input
            type="checkbox"
            checked={withPictures}
            onChange={(event) => setWithPictures(event.currentTarget.checked)}
          />
          with the pictures
        </label>
        <button class="main" disabled={progress !== undefined || !check || "fault" in check}>
          Save
        </button>
        {progress && (
          <button type="button" onClick={progress.stop}>
            Stop
          </button>
        )}
      </div>
      <p role="status" class={check && "fault" in check ? "fault" : "small"}>
        {progress && `${progress.what}${progress.total > 0 ? ` ${progress.done} of ${progress.total}` : ""}…`}
        {!progress && !check && "Reading it back…"}
        {!progress && check && "fault" in check && check.fault}
        {!progress && check && "losses" in check && lossLine(check.losses)}
      </p>
      {source.kind !== "phantom" && (
        <p class="small dim">
          The file names the images{withPictures ? ", holds them whole (metadata included)," : ""} and has what is known
          of their patients: look at it before you pass it on.
        </p>
      )}
      {!withPictures && (
        <p class="small dim">
          {source.kind === "phantom"
            ? "Synthetic images have no files: without the pictures nothing can read these annotations."
            : "Put the files into the folder in which the pictures lie, in the place of older annotations."}
        </p>
      )}
    </form>
  );
}

const lossLine = (losses: readonly string[]): string =>
  losses.length === 0 ? "Read back, it gives the same annotations." : `This format loses ${losses.join("; ")}.`;
