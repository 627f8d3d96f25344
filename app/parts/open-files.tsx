/** Where a user's own images come in: dropped, or chosen. */
import { nameFor } from "../state/dropped.ts";
import { importFiles, projects } from "../state/project.ts";
import { FileDrop } from "./file-drop.tsx";

export function OpenFiles() {
  return (
    <section aria-labelledby="own">
      <h2 id="own">Your images</h2>
      <FileDrop
        take={(entries) => void importFiles(unused(nameFor(entries)), entries, "")}
        formats={
          <>
            JPEG, PNG, TIFF, BMP, WebP, AVIF, GIF, DICOM and film loops; with annotations as a manifest, COCO, YOLO,
            VOC, CVAT, labelme, masks, class folders, or as public sets have them.
          </>
        }
      >
        Drop a folder or files here. They are copied into this browser and leave it for nowhere.
      </FileDrop>
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
