/** Where a user's own images come in: dropped, or chosen. */
import { freeName } from "../project/names.ts";
import { nameFor } from "../state/dropped.ts";
import { importFiles, projects } from "../state/project.ts";
import { FileDrop } from "./file-drop.tsx";

export function OpenFiles() {
  return (
    <section aria-labelledby="own">
      <h2 id="own">Your images</h2>
      <FileDrop
        take={(entries) => {
          const taken = projects.value.map(({ name }) => name);
          void importFiles(freeName(nameFor(entries), taken), entries, "");
        }}
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
