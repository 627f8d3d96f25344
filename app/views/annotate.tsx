/** One image after another: boxes, class, patient, side. */
import { useEffect, useLayoutEffect, useState } from "preact/hooks";
import type { Box, Shape } from "../../src/data/sample.ts";
import { Annotator } from "../annotate/annotator.tsx";
import { BoxTable } from "../annotate/box-table.tsx";
import { Help } from "../annotate/help.tsx";
import { ALONE, sides } from "../parts/sides.ts";
import { framesAt } from "../project/frames.ts";
import { ProposalLayer } from "../annotate/proposal-layer.tsx";
import { ProposalPanel } from "../annotate/proposal-panel.tsx";
import type { Annotation } from "../project/project.ts";
import {
  annotate,
  canRedo,
  canUndo,
  current,
  imagesWorker,
  project,
  redo,
  saved,
  shown,
  undo,
  wasOutlined,
} from "../state/project.ts";
import { messageOf } from "../state/messages.ts";
import { addressOf } from "../state/route.ts";
import { TypedInput } from "../parts/typed-input.tsx";

export function Annotate() {
  const open = project.value;
  const order = shown.value;
  if (!open || order.length === 0) {
    return (
      <>
        <h1>Annotate</h1>
        <p>
          {open ? "The filter keeps no image. " : "There is no image yet. "}
          <a href={addressOf("images")}>{open ? "Change the filter" : "Open some"}</a>
        </p>
      </>
    );
  }
  const index = current.value !== undefined && order.includes(current.value) ? current.value : order[0]!;
  return <Editor key={`${open.name} ${index}`} index={index} />;
}

type Loaded =
  | { kind: "reading" }
  | { kind: "ready"; bitmap: ImageBitmap; crop: Box; shape: Shape | undefined }
  | { kind: "failed"; reason: string };

/** What had the focus when the next image was shown: it has it there, too. */
let focused: string | undefined;

const nothing = { bitmap: undefined, crop: undefined, shape: undefined };

function Editor({ index }: { index: number }) {
  const open = project.value!;
  const image = open.images[index]!;
  const order = shown.value;
  const at = order.indexOf(index);
  const [loaded, setLoaded] = useState<Loaded>({ kind: "reading" });
  const [selected, setSelected] = useState<number | undefined>(image.boxes.length > 0 ? 0 : undefined);

  useEffect(() => {
    let gone = false;
    let mine: ImageBitmap | undefined;
    imagesWorker()
      .picture(open.name, index)
      .then(
        ({ bitmap, ...rest }) => {
          mine = bitmap;
          if (gone) bitmap.close();
          else setLoaded({ kind: "ready", bitmap, ...rest });
        },
        (error: unknown) => {
          if (!gone) setLoaded({ kind: "failed", reason: messageOf(error) });
        },
      );
    return () => {
      gone = true;
      mine?.close();
    };
  }, []);

  const change = (what: Partial<Annotation>, gesture?: unknown) => annotate(index, what, gesture);
  const go = (next: number | undefined) => {
    if (next === undefined) return;
    focused = (document.activeElement as HTMLElement | null)?.dataset["keep"];
    current.value = next;
  };
  const show = (place: number) => go(order[place]);
  useLayoutEffect(() => {
    if (focused !== undefined) document.querySelector<HTMLElement>(`[data-keep="${focused}"]`)?.focus();
    focused = undefined;
  }, []);

  useEffect(() => {
    const key = (event: KeyboardEvent) => {
      const { target } = event;
      if (target instanceof HTMLInputElement || target instanceof HTMLSelectElement) return;
      const names = open.classes.names;
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z") (event.shiftKey ? redo : undo)(index);
      else if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "y") redo(index);
      else if (event.ctrlKey || event.metaKey || event.altKey) return;
      else if (event.key === "n" || event.key === "PageDown") show(at + 1);
      else if (event.key === "p" || event.key === "PageUp") show(at - 1);
      else if (event.key === "0") change({ label: null });
      else if (/^[1-9]$/.test(event.key) && Number(event.key) <= names.length) change({ label: Number(event.key) - 1 });
      else return;
      event.preventDefault();
    };
    addEventListener("keydown", key);
    return () => removeEventListener("keydown", key);
  }, [at, index]);

  const { bitmap, crop, shape } = loaded.kind === "ready" ? loaded : nothing;
  const frames = framesAt(open.images, order, index);
  return (
    <>
      <div class="titled">
        <h1>{image.id}</h1>
        <span class="dim" role="status">
          {at + 1} of {order.length}
          {saved.value ? ", saved" : ", saving…"}
        </span>
      </div>
      <div class="editor">
        <div>
          {loaded.kind === "failed" && (
            <p class="warning" role="alert">
              {loaded.reason}
            </p>
          )}
          <Annotator
            image={image}
            picture={bitmap}
            crop={crop}
            shape={shape}
            selected={selected}
            onSelect={setSelected}
            onBoxes={(boxes, gesture) => change({ boxes, empty: false }, gesture)}
          >
            <ProposalLayer image={image} index={index} />
          </Annotator>
          {shape && !image.outlined && (
            <p class="small" role="status">
              Its boxes were changed, so its true outline no longer counts.
              {wasOutlined(index) && " Undo brings it back."}
            </p>
          )}
        </div>
        <aside aria-label="Annotation">
          <div class="toolbar">
            <button data-keep="previous" onClick={() => show(at - 1)} disabled={at === 0}>
              Previous
            </button>
            <button data-keep="next" onClick={() => show(at + 1)} disabled={at === order.length - 1}>
              Next
            </button>
            <button onClick={() => undo(index)} disabled={!canUndo(index)}>
              Undo
            </button>
            <button onClick={() => redo(index)} disabled={!canRedo(index)}>
              Redo
            </button>
          </div>
          {frames && (
            <label>
              Frame {frames.at + 1} of {frames.of.length} of one loop
              <TypedInput
                type="range"
                data-keep="loop"
                min={0}
                max={frames.of.length - 1}
                value={frames.at}
                take={(input) => go(frames.of[input.valueAsNumber])}
              />
            </label>
          )}
          <fieldset>
            <legend>Class</legend>
            {open.classes.names.map((name, i) => (
              <label key={name} class="check">
                <input type="radio" name="class" checked={image.label === i} onChange={() => change({ label: i })} />
                {name} <kbd>{i + 1}</kbd>
              </label>
            ))}
            <label class="check">
              <input
                type="radio"
                name="class"
                checked={image.label === null}
                onChange={() => change({ label: null })}
              />
              unknown <kbd>0</kbd>
            </label>
          </fieldset>
          <BoxTable
            image={image}
            selected={selected}
            onSelect={setSelected}
            onBoxes={(boxes) => change({ boxes, empty: false })}
            onEmpty={(empty) => change({ empty, boxes: [] })}
          />
          <ProposalPanel index={index} />
          <label>
            Patient
            <TypedInput
              type="text"
              maxLength={100}
              value={image.patient}
              take={(input) => change({ patient: input.value.trim() })}
            />
          </label>
          <label>
            Side
            <select
              value={image.side ?? ""}
              onChange={({ currentTarget: { value } }) =>
                change({ side: value === "" ? null : (value as "train" | "val" | "test") })
              }
            >
              <option value="">{ALONE}</option>
              {sides.map(([side, text]) => (
                <option key={side} value={side}>
                  {text}
                </option>
              ))}
            </select>
          </label>
          {image.fold !== null && <p class="small dim">Fold {image.fold} of the set&apos;s own.</p>}
          {image.notes.map((note) => (
            <p key={note} class="small dim">
              {note}
            </p>
          ))}
          <Help outlined={image.outlined} hasOutline={shape !== undefined} />
        </aside>
      </div>
    </>
  );
}
