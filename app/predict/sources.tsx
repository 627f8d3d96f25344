/** Which images are predicted: those of the open project, or files that are dropped here. */
import { FileDrop } from "../parts/file-drop.tsx";
import { say } from "../state/messages.ts";
import { addModels, model, modelWhenListed } from "../state/models.ts";
import { current, project, shown } from "../state/project.ts";
import { predictFiles, predictProject, progress } from "../state/predictions.ts";
import type { FileEntry } from "../../src/web/set-files.ts";

const WEIGHTS = /\.safetensors$/i;

/** Checkpoints among the files become models; the rest is predicted. */
async function take(entries: readonly FileEntry[]): Promise<void> {
  const checkpoints = entries.filter(({ path, file }) => WEIGHTS.test(path) && file instanceof File);
  if (checkpoints.length > 0) await addModels(checkpoints.map(({ file }) => file as File));
  const pictures = entries.filter(({ path }) => !WEIGHTS.test(path));
  if (pictures.length === 0) return;
  const asked = await modelWhenListed();
  if (asked) await predictFiles(asked, pictures);
  else say("There is no model to predict with yet: open a checkpoint.");
}

export function Sources() {
  const chosen = model.value;
  const open = project.value;
  const busy = progress.value !== undefined || !chosen;
  const kept = shown.value;
  const one = current.value;
  const start = (indices: readonly number[]) => void predictProject(chosen!, open!, indices);
  return (
    <>
      {open && (
        <section aria-labelledby="of-project">
          <h2 id="of-project">Images of {open.name}</h2>
          <div class="toolbar">
            <button class="main" disabled={busy} onClick={() => start(open.images.map((_, i) => i))}>
              Predict all {open.images.length}
            </button>
            {kept.length < open.images.length && kept.length > 0 && (
              <button disabled={busy} onClick={() => start(kept)}>
                Predict the {kept.length} that the filter keeps
              </button>
            )}
            {one !== undefined && open.images[one] && (
              <button disabled={busy} onClick={() => start([one])}>
                Predict {open.images[one].id}
              </button>
            )}
          </div>
        </section>
      )}
      <section aria-labelledby="loose">
        <h2 id="loose">{open ? "Other images" : "Images"}</h2>
        <FileDrop
          take={(entries) => void take(entries)}
          formats="JPEG, PNG, TIFF, BMP, WebP, AVIF, GIF, DICOM and film loops, whose frames are all predicted. A checkpoint (.safetensors) becomes a model."
        >
          Drop pictures or a folder here. They are read, not copied, and leave this computer for nowhere.
        </FileDrop>
      </section>
    </>
  );
}
