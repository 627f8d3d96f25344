/** The chosen image: what models say of it, drawn over it. */
import { useEffect, useRef, useState } from "preact/hooks";
import { isOfClass } from "../../src/explain/methods.ts";
import { messageOf } from "../state/messages.ts";
import { models } from "../state/models.ts";
import { imagesWorker } from "../state/project.ts";
import { results, threshold, truthOf } from "../state/predictions.ts";
import type { ModelEntry } from "../worker/models.ts";
import type { Place } from "../worker/places.ts";
import type { ExplainRequest } from "../worker/predict.ts";
import { Controls } from "./controls.tsx";
import { Panel } from "./panel.tsx";
import type { Reading } from "./rows.ts";
import { current, map, place, second, shown, type MapChoice } from "./shown.ts";
import { useAnswer } from "./use-answer.ts";

/** Rows that are only passed by, as while an arrow key is held, are not read. */
const SETTLE_MS = 60;

type Picture = { name: string; bitmap?: ImageBitmap; reason?: string };

function usePicture(name: string, at: Place | undefined): Picture | undefined {
  const [picture, setPicture] = useState<Picture>();
  useEffect(() => {
    if (!at) return;
    let gone = false;
    let mine: ImageBitmap | undefined;
    const timer = setTimeout(() => {
      imagesWorker()
        .bitmap(at)
        .then(
          (bitmap) => {
            if (gone) return void bitmap.close();
            mine = bitmap;
            setPicture({ name, bitmap });
          },
          (error: unknown) => {
            if (!gone) setPicture({ name, reason: messageOf(error) });
          },
        );
    }, SETTLE_MS);
    return () => {
      gone = true;
      clearTimeout(timer);
      mine?.close();
      setPicture(undefined); // One may come back to it before another is there.
    };
  }, [name]);
  return picture?.name === name ? picture : undefined;
}

export function Detail() {
  const reading = current.value;
  const now = results.value!;
  const at = place.value;
  const picture = usePicture(`${now.title} ${reading?.row.name ?? ""}`, at);
  const frames = useRef(new Set<HTMLDivElement>());
  if (!reading || !at) return <p class="dim">Choose an image in the table.</p>;
  const other = models.value?.find(({ id }) => id === second.value);
  const shared = {
    ...{ reading, at, bitmap: picture?.bitmap, frames: frames.current },
    reason: picture?.reason,
  };
  return (
    <section aria-labelledby="chosen" class="chosen">
      <h2 id="chosen">{reading.row.name}</h2>
      <p class="small dim">
        {reading.row.width} × {reading.row.height}
        {truthText(reading)}
        {reading.row.note !== undefined && `. ${reading.row.note}`}
      </p>
      <Controls model={now.model} />
      <div class={other ? "panels two" : "panels"}>
        <Own {...shared} />
        {other && <Other key={other.id} {...shared} model={other} />}
      </div>
      <p class="small dim">
        Outline and dashed box: the model&apos;s, green, or red where it predicts{" "}
        {now.model.classes.names[now.model.classes.positive]}.{now.of && " Yellow: annotated boxes."}
      </p>
    </section>
  );
}

function truthText({ row, truth, wrong }: Reading): string {
  if (truth?.label === undefined) return "";
  const { names } = results.value!.model.classes;
  const boxes = truthOf(row)?.boxes.length ?? 0;
  const where = boxes === 0 ? "" : boxes === 1 ? " with 1 box" : ` with ${boxes} boxes`;
  return `, annotated as ${names[truth.label]!}${where}${wrong ? ": predicted wrongly" : ""}`;
}

interface PanelProps {
  reading: Reading;
  at: Place;
  bitmap: ImageBitmap | undefined;
  reason: string | undefined;
  frames: Set<HTMLDivElement>;
}

/** What is to be explained; undefined if no map is wanted, or the model has none. */
function requestFor(
  { methods }: ModelEntry,
  { method = methods[0], point, of }: MapChoice,
): ExplainRequest | undefined {
  if (!shown.value.map || method === undefined) return undefined;
  // Only the predicted class depends on the threshold: others are not asked for again when it moves.
  return { method, point, of, threshold: isOfClass(method) && of === undefined ? threshold.value : 0.5 };
}

/** The model of the table. */
function Own(props: PanelProps) {
  const { model, stamp } = results.value!;
  const request = requestFor(model, map.value);
  const question = request && { model: model.id, stamp, place: props.at, request };
  return <Answered {...props} model={model} question={question} known={props.reading.row} />;
}

/** Another one, which is asked for each image that is looked at. */
function Other({ model, ...props }: PanelProps & { model: ModelEntry }) {
  const request = requestFor(model, map.value);
  const question = { model: model.id, stamp: undefined, place: props.at, request };
  return <Answered {...props} model={model} question={question} known={undefined} />;
}

interface AnsweredProps extends PanelProps {
  model: ModelEntry;
  question: Parameters<typeof useAnswer>[1];
  known: Reading["row"] | undefined;
}

function Answered({ reading, bitmap, reason, frames, model, question, known }: AnsweredProps) {
  const reply = useAnswer(JSON.stringify([reading.row.name, reading.index, question]), question);
  const own = useRef<HTMLDivElement>(null);
  const found = reply?.kind === "ready" ? reply.answer : undefined;
  const wanted = shown.value.map && model.methods.length === 0 ? "This model has no map." : undefined;
  const status =
    reason ?? (reply?.kind === "failed" ? reply.reason : reply?.kind === "waiting" ? "Computing…" : wanted);
  return (
    <Panel
      {...{ reading, model, bitmap, status }}
      image={known ?? found?.image}
      threshold={threshold.value}
      explained={found?.explained}
      frame={(element) => {
        if (own.current) frames.delete(own.current);
        own.current = element;
        if (element) frames.add(element);
      }}
      onScroll={({ scrollLeft, scrollTop }) => {
        for (const frame of frames) {
          if (frame === own.current || (frame.scrollLeft === scrollLeft && frame.scrollTop === scrollTop)) continue;
          frame.scrollLeft = scrollLeft;
          frame.scrollTop = scrollTop;
        }
      }}
    />
  );
}
