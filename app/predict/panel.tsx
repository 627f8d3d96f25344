/** A picture with what one model says of it, the scale of its map, and the way to save it. */
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { greatest, tint } from "../../src/explain/heat.ts";
import { meaningOf } from "../../src/explain/methods.ts";
import type { Classes } from "../../src/data/classes.ts";
import { messageOf, say } from "../state/messages.ts";
import { save } from "../state/save.ts";
import type { Explained, PredictedImage } from "../worker/predict.ts";
import { safeName } from "./export.ts";
import { layerOf, paint, toPng, type Scene } from "./paint.ts";
import { read, type Reading } from "./rows.ts";
import { map, shown, zoom, zoomBy, ZOOM_STEP } from "./shown.ts";
import { finding, NOTE, verdict } from "./words.ts";

interface Props {
  reading: Reading;
  /** What the model says; undefined while it computes. */
  image: PredictedImage | undefined;
  model: { name: string; classes: Classes };
  threshold: number;
  bitmap: ImageBitmap | undefined;
  /** What the map shows; undefined where none is wanted. */
  explained: Explained | undefined;
  /** What is being done, or why it cannot be. */
  status: string | undefined;
  /** Scrolls the other pictures along. */
  frame: (element: HTMLDivElement | null) => void;
  onScroll: (element: HTMLDivElement) => void;
}

export function Panel({ reading, image, model, threshold, bitmap, explained, status, frame, onScroll }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const box = useRef<HTMLDivElement>(null);
  const [fit, setFit] = useState(1);
  const { width, height } = reading.row;
  const { classes, name: modelName } = model;
  const said = image && read(image, reading.index, { truth: reading.truth, classes, threshold });
  const words = said && [verdict(said, classes), finding(image)].filter((part) => part !== undefined).join(", ");

  const grid = explained && (map.value.before && explained.before ? explained.before : explained.after);
  const scale = explained && scaleOf(explained);
  const layer = useMemo(() => (grid && image ? layerOf(grid, image.crop, scale!) : undefined), [grid, image?.crop]);
  const scene: Scene | undefined = bitmap &&
    image && {
      ...{ bitmap, image, shown: shown.value, truth: reading.truth?.boxes ?? [] },
      alarming: said!.predicted === classes.positive,
      map: layer && { layer, opacity: map.value.opacity },
    };

  useLayoutEffect(() => {
    const context = canvas.current!.getContext("2d")!;
    if (scene) paint(context, scene);
    else context.clearRect(0, 0, width, height);
  });

  useLayoutEffect(() => {
    const measure = () => {
      const { clientWidth, clientHeight } = box.current!;
      setFit(Math.max(0.02, Math.min(clientWidth / width, clientHeight / height)));
    };
    const observer = new ResizeObserver(measure);
    observer.observe(box.current!);
    measure();
    return () => observer.disconnect();
  }, [width, height]);

  useEffect(() => {
    frame(box.current);
    return () => frame(null);
  }, []);

  const meaning = explained && meaningOf(explained.method, explained.point, nameAt(classes, explained.of));
  const saveIt = async () => {
    const lines = [`${reading.row.name}: ${words}`, modelName, ...(meaning === undefined ? [] : [meaning]), NOTE];
    save(`${safeName(reading.row.name)}.png`, await toPng(scene!, lines), "image/png");
  };
  const pixels = fit * zoom.value;
  return (
    <figure class="panel" aria-label={modelName}>
      <figcaption>
        <b>{words ?? "…"}</b>
        <span class="small dim">{modelName}</span>
      </figcaption>
      <div
        class="frame"
        ref={box}
        tabIndex={0}
        role="group"
        aria-label={`Picture ${reading.row.name}`}
        style={{ aspectRatio: `${width} / ${height}` }}
        onScroll={() => onScroll(box.current!)}
        onWheel={(event) => {
          if (!event.ctrlKey) return;
          event.preventDefault();
          zoomBy(event.deltaY < 0 ? ZOOM_STEP : 1 / ZOOM_STEP);
        }}
      >
        <canvas
          ref={canvas}
          width={width}
          height={height}
          role="img"
          aria-label={[words ?? "computing", ...(meaning === undefined ? [] : [meaning])].join("; ")}
          style={{ width: `${Math.floor(width * pixels)}px`, height: `${Math.floor(height * pixels)}px` }}
        />
      </div>
      {status !== undefined && (
        <p class="small" role="status">
          {status}
        </p>
      )}
      {scale && meaning !== undefined && (
        <Legend meaning={meaning} signed={scale.signed} most={scale.most} paired={explained.before !== undefined} />
      )}
      <button
        disabled={!scene}
        aria-label={`Save PNG of ${modelName}`}
        onClick={() => void saveIt().catch((error: unknown) => say(messageOf(error)))}
      >
        Save PNG
      </button>
    </figure>
  );
}

const nameAt = ({ names }: Classes, label: number | undefined) => (label === undefined ? undefined : names[label]);

/** Before and after enhancement are on one scale. */
const scaleOf = ({ method, before, after }: Explained) => ({
  most: greatest([after, ...(before ? [before] : [])]),
  signed: method === "cam",
});

const STOPS = 16;

interface LegendProps {
  meaning: string;
  signed: boolean;
  most: number;
  /** Whether another map is on the same scale. */
  paired: boolean;
}

function Legend({ meaning, signed, most, paired }: LegendProps) {
  const id = useMemo(() => `scale-${Math.random().toString(36).slice(2)}`, []);
  const stops = Array.from({ length: STOPS + 1 }, (_, i) => i / STOPS);
  const end = most.toPrecision(3);
  return (
    <div class="scale small">
      <p>
        {meaning}
        {paired && "; before and after enhancement on one scale"}.
      </p>
      <div>
        <span>{signed ? `−${end}` : "0"}</span>
        <svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">
          <linearGradient id={id}>
            {stops.map((at) => {
              const { rgb, opacity } = tint(signed ? 2 * at - 1 : at, signed);
              return <stop key={at} offset={at} stop-color={`rgb(${rgb.join(",")})`} stop-opacity={opacity} />;
            })}
          </linearGradient>
          <rect width="100" height="10" class="ground" />
          <rect width="100" height="10" fill={`url(#${id})`} />
        </svg>
        <span>{end}</span>
      </div>
    </div>
  );
}
