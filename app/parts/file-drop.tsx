/** A place where files and folders are dropped, with buttons that choose them. */
import { useRef, useState } from "preact/hooks";
import type { ComponentChildren } from "preact";
import type { FileEntry } from "../../src/web/set-files.ts";
import { filesOfDrop, filesOfInput } from "../state/dropped.ts";
import { messageOf, say } from "../state/messages.ts";

interface Props {
  /** What to do, and below the buttons what is taken. */
  children: ComponentChildren;
  formats: ComponentChildren;
  take: (entries: readonly FileEntry[]) => void;
}

export function FileDrop({ children, formats, take: use }: Props) {
  const [over, setOver] = useState(false);
  const folder = useRef<HTMLInputElement>(null);
  const files = useRef<HTMLInputElement>(null);

  const take = (entries: readonly FileEntry[]) => {
    if (entries.length === 0) say("There was no file in that.");
    else use(entries);
  };
  const chosen = ({ currentTarget }: { currentTarget: HTMLInputElement }) => {
    if (currentTarget.files && currentTarget.files.length > 0) take(filesOfInput(currentTarget.files));
    currentTarget.value = ""; // The same folder may be chosen again.
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
        <p>{children}</p>
        <div class="toolbar">
          <button class="main" onClick={() => folder.current!.click()}>
            Choose a folder…
          </button>
          <button onClick={() => files.current!.click()}>Choose files…</button>
        </div>
        <p class="small dim">{formats}</p>
      </div>
      <input ref={folder} type="file" hidden aria-label="Folder" onChange={chosen} {...{ webkitdirectory: true }} />
      <input ref={files} type="file" hidden multiple aria-label="Files" onChange={chosen} />
    </>
  );
}
