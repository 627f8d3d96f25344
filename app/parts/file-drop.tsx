/** Where pictures are dropped or chosen. */
import type { ComponentChildren } from "preact";
import type { FileEntry } from "../../src/web/set-files.ts";
import { DropZone } from "./drop-zone.tsx";

interface Props {
  /** What to do, and below the buttons what is taken. */
  children: ComponentChildren;
  formats: ComponentChildren;
  take: (entries: readonly FileEntry[]) => void;
}

export const FileDrop = ({ children, formats, take }: Props) => (
  <DropZone take={take} names={{ folder: "Folder", files: "Files" }}>
    {(choose) => (
      <>
        <p>{children}</p>
        <div class="toolbar">
          <button class="main" onClick={choose.folder}>
            Choose a folder…
          </button>
          <button onClick={choose.files}>Choose files…</button>
        </div>
        <p class="small dim">{formats}</p>
      </>
    )}
  </DropZone>
);
