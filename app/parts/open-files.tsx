/** Where a user's own images come in: dropped, or chosen. */
import { useRef, useState } from "preact/hooks";
import type { FileEntry } from "../../src/web/set-files.ts";
import { filesOfDrop, filesOfInput, nameFor } from "../state/dropped.ts";
import { messageOf, say } from "../state/messages.ts";
import { importFiles, projects } from "../state/project.ts";

export function OpenFiles() {
  const [over, setOver] = useState(false);
  const folder = useRef<HTMLInputElement>(null);
  const files = useRef<HTMLInputElement>(null);

  const take = (entries: readonly FileEntry[]) => {
    if (entries.length === 0) {
      say("There was no file in that.");
      return;
    }
    void importFiles(unused(nameFor(entries)), entries, "");
  };
  const chosen = ({ currentTarget }: { currentTarget: HTMLInputElement }) => {
    if (currentTarget.files && currentTarget.files.length > 0) take(filesOfInput(currentTarget.files));
    currentTarget.value = ""; // The same folder may be chosen again.
  };

  return (
    <section aria-labelledby="own">
      <h2 id="own">Your images</h2>
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
        <p>Drop a folder or files here. They are copied into this browser and leave it for nowhere.</p>
        <div class="toolbar">
          <button class="main" onClick={() => folder.current!.click()}>
            Choose a folder…
          </button>
          <button onClick={() => files.current!.click()}>Choose files…</button>
        </div>
        <p class="small dim">
          JPEG, PNG, TIFF, BMP, WebP, AVIF, GIF, DICOM and film loops; with annotations as a manifest, COCO, YOLO, VOC,
          CVAT, labelme, masks, class folders, or as public sets have them.
        </p>
      </div>
      <input ref={folder} type="file" hidden aria-label="Folder" onChange={chosen} {...{ webkitdirectory: true }} />
      <input ref={files} type="file" hidden multiple aria-label="Files" onChange={chosen} />
    </section>
  );
}

/** The name, numbered if there is such a project. */
function unused(name: string): string {
  const taken = new Set(projects.value.map((project) => project.name));
  if (!taken.has(name)) return name;
  let n = 2;
  while (taken.has(`${name} (${n})`)) n++;
  return `${name} (${n})`;
}
