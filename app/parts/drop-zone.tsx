/** A place where files and folders are dropped, and the inputs behind the buttons that choose them. */
import { useRef, useState } from "preact/hooks";
import type { ComponentChildren } from "preact";
import type { FileEntry } from "../../src/web/set-files.ts";
import { filesOfDrop, filesOfInput } from "../state/dropped.ts";
import { messageOf, say } from "../state/messages.ts";

interface Props {
  take: (entries: readonly FileEntry[]) => void;
  /** What the inputs of a folder and of files are called. */
  names: { folder: string; files: string };
  /** Endings of files, for the browser's dialogue; default all. */
  accept?: string;
  /** What to do; gets what opens the dialogues. */
  children: (choose: { folder: () => void; files: () => void }) => ComponentChildren;
}

export function DropZone({ take: use, names, accept, children }: Props) {
  const [over, setOver] = useState(false);
  const folder = useRef<HTMLInputElement>(null);
  const files = useRef<HTMLInputElement>(null);

  const take = (entries: readonly FileEntry[]) => {
    if (entries.length === 0) say("There was no file in that.");
    else use(entries);
  };
  const chosen = ({ currentTarget }: { currentTarget: HTMLInputElement }) => {
    // An empty folder is one without files; a dialog that is closed changes nothing.
    if (currentTarget.files) take(filesOfInput(currentTarget.files));
    currentTarget.value = ""; // The same ones may be chosen again.
  };

  return (
    <>
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
        {children({ folder: () => folder.current!.click(), files: () => files.current!.click() })}
      </div>
      <input
        ref={folder}
        type="file"
        hidden
        aria-label={names.folder}
        onChange={chosen}
        {...{ webkitdirectory: true }}
      />
      <input ref={files} type="file" hidden multiple aria-label={names.files} accept={accept} onChange={chosen} />
    </>
  );
}
