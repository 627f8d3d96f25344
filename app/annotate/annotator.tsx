/** The picture with its boxes: drawn, moved, resized and deleted by mouse, finger and keyboard. */
import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Box } from "../../src/data/sample.ts";
import type { Annotation, ProjectImage } from "../project/project.ts";
import { centred, dragged, drawn, grips, type Grip } from "./edit.ts";

interface Props {
  image: ProjectImage;
  annotation: Annotation;
  /** The picture, or undefined while it is read. */
  picture: ImageBitmap | undefined;
  /** The part that is taken as tissue. */
  crop: Box | undefined;
  selected: number | undefined;
  onSelect: (index: number | undefined) => void;
  /** @param gesture the same for all changes of one drag */
  onBoxes: (boxes: readonly Box[], gesture?: unknown) => void;
  /** What else is drawn over the picture, in its pixels. */
  children?: ComponentChildren;
}

/** What a pressed pointer is doing. */
type Drag =
  | { kind: "draw"; from: { x: number; y: number }; to: { x: number; y: number } }
  | { kind: "change"; index: number; grip: Grip; from: { x: number; y: number }; original: Box; gesture: symbol };

const ZOOM_STEP = 1.25;
const MOST_ZOOM = 12;
/** Sides of grips and widths of lines, in pixels of the screen. */
const GRIP_PIXELS = 11;

export function Annotator(props: Props) {
  const { image, annotation, picture, crop, selected, onSelect, onBoxes, children } = props;
  const { boxes } = annotation;
  const frame = useRef<HTMLDivElement>(null);
  const drawing = useRef<SVGSVGElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const [zoom, setZoom] = useState(1);
  const [fit, setFit] = useState(1);
  const [drag, setDrag] = useState<Drag>();
  const [panning, setPanning] = useState(false);
  const scale = fit * zoom;

  useLayoutEffect(() => {
    if (picture) canvas.current?.getContext("2d")!.drawImage(picture, 0, 0);
  }, [picture]);

  useEffect(() => setZoom(1), [image.id]);

  useLayoutEffect(() => {
    const measure = () => {
      const { clientWidth, clientHeight } = frame.current!;
      setFit(Math.max(0.05, Math.min(clientWidth / image.width, clientHeight / image.height)));
    };
    const observer = new ResizeObserver(measure);
    observer.observe(frame.current!);
    measure();
    return () => observer.disconnect();
  }, [image.width, image.height]);

  /** Where a pointer is, in pixels of the image. */
  const place = ({ clientX, clientY }: PointerEvent) => {
    const { left, top } = drawing.current!.getBoundingClientRect();
    return { x: (clientX - left) / scale, y: (clientY - top) / scale };
  };

  const press = (event: PointerEvent, index?: number, grip: Grip = "move") => {
    if (event.button !== 0 || panning) return;
    event.stopPropagation();
    drawing.current!.setPointerCapture(event.pointerId);
    const from = place(event);
    onSelect(index);
    setDrag(
      index === undefined
        ? { kind: "draw", from, to: from }
        : { kind: "change", index, grip, from, original: boxes[index]!, gesture: Symbol() },
    );
  };

  const move = (event: PointerEvent) => {
    if (!drag) return;
    const to = place(event);
    if (drag.kind === "draw") {
      setDrag({ ...drag, to });
      return;
    }
    const { index, grip, from, original, gesture } = drag;
    const changed = dragged(original, grip, to.x - from.x, to.y - from.y, image);
    onBoxes(
      boxes.map((box, i) => (i === index ? changed : box)),
      gesture,
    );
  };

  const release = () => {
    if (drag?.kind === "draw") {
      const box = drawn(drag.from, drag.to, image);
      if (box) {
        onBoxes([...boxes, box]);
        onSelect(boxes.length);
      }
    }
    setDrag(undefined);
  };

  const zoomBy = (factor: number) => setZoom((z) => Math.min(MOST_ZOOM, Math.max(1, z * factor)));

  const key = (event: KeyboardEvent) => {
    const step = event.shiftKey ? 10 : 1;
    const [dx, dy] =
      { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] }[event.key] ?? [];
    const box = selected === undefined ? undefined : boxes[selected];
    if (dx !== undefined && box) {
      const changed = dragged(box, event.altKey ? "se" : "move", dx, dy!, image);
      onBoxes(
        boxes.map((b) => (b === box ? changed : b)),
        `keys ${selected}`,
      );
    } else if ((event.key === "Delete" || event.key === "Backspace") && box) {
      onBoxes(boxes.filter((b) => b !== box));
      onSelect(undefined);
    } else if (event.key === "b") {
      onBoxes([...boxes, centred(image)]);
      onSelect(boxes.length);
    } else if (event.key === "+" || event.key === "=") zoomBy(ZOOM_STEP);
    else if (event.key === "-") zoomBy(1 / ZOOM_STEP);
    else if (event.key === "f") setZoom(1);
    else if (event.key === "Escape") onSelect(undefined);
    else return;
    event.preventDefault();
  };

  const sketch = drag?.kind === "draw" ? drawn(drag.from, drag.to, image) : undefined;
  return (
    <div class="annotator">
      <div class="toolbar" role="toolbar" aria-label="Picture">
        <button onClick={() => zoomBy(ZOOM_STEP)} aria-label="Zoom in" disabled={zoom >= MOST_ZOOM}>
          +
        </button>
        <button onClick={() => zoomBy(1 / ZOOM_STEP)} aria-label="Zoom out" disabled={zoom <= 1}>
          −
        </button>
        <button onClick={() => setZoom(1)} disabled={zoom === 1}>
          Fit
        </button>
        <button aria-pressed={panning} onClick={() => setPanning(!panning)}>
          Move picture
        </button>
        <span class="dim small">
          {image.width} × {image.height}, {Math.round(scale * 100)} %
        </span>
      </div>
      <div
        class="frame"
        ref={frame}
        tabIndex={0}
        role="application"
        aria-label={`Picture ${image.id} with ${boxes.length} boxes. B adds a box, arrows move it, Alt and arrows resize it, Delete removes it.`}
        onKeyDown={key}
        onWheel={(event) => {
          if (!event.ctrlKey) return;
          event.preventDefault();
          zoomBy(event.deltaY < 0 ? ZOOM_STEP : 1 / ZOOM_STEP);
        }}
      >
        <div class="stage" style={{ width: `${image.width * scale}px`, height: `${image.height * scale}px` }}>
          <canvas ref={canvas} width={image.width} height={image.height} />
          <svg
            ref={drawing}
            class={panning ? "panning" : ""}
            viewBox={`0 0 ${image.width} ${image.height}`}
            onPointerDown={(event) => press(event)}
            onPointerMove={move}
            onPointerUp={release}
            onPointerCancel={() => setDrag(undefined)}
          >
            {crop && <Outside size={image} crop={crop} />}
            {boxes.map((box, index) => (
              <Marked
                key={index}
                box={box}
                selected={index === selected}
                scale={scale}
                press={(event, grip) => press(event, index, grip)}
              />
            ))}
            {children}
            {sketch && <rect class="sketch" {...rectangle(sketch)} />}
          </svg>
        </div>
      </div>
    </div>
  );
}

const rectangle = ({ x0, y0, x1, y1 }: Box) => ({ x: x0, y: y0, width: x1 - x0, height: y1 - y0 });

/** What the crop takes away is darkened. */
function Outside({ size, crop }: { size: { width: number; height: number }; crop: Box }) {
  const outer = `M0 0H${size.width}V${size.height}H0Z`;
  const inner = `M${crop.x0} ${crop.y0}V${crop.y1}H${crop.x1}V${crop.y0}Z`;
  return (
    <>
      <path class="outside" d={outer + inner} />
      <rect class="crop" {...rectangle(crop)} />
    </>
  );
}

interface MarkedProps {
  box: Box;
  selected: boolean;
  scale: number;
  press: (event: PointerEvent, grip: Grip) => void;
}

/** A box, the ellipse that the network learns from, and the grips of the selected one. */
function Marked({ box, selected, scale, press }: MarkedProps) {
  const { x0, y0, x1, y1 } = box;
  const side = GRIP_PIXELS / scale;
  const at: Record<Grip, readonly [number, number]> = {
    ...{ nw: [x0, y0], n: [(x0 + x1) / 2, y0], ne: [x1, y0], e: [x1, (y0 + y1) / 2] },
    ...{ se: [x1, y1], s: [(x0 + x1) / 2, y1], sw: [x0, y1], w: [x0, (y0 + y1) / 2], move: [0, 0] },
  };
  return (
    <g class={selected ? "marked selected" : "marked"}>
      <ellipse cx={(x0 + x1) / 2} cy={(y0 + y1) / 2} rx={(x1 - x0) / 2} ry={(y1 - y0) / 2} />
      <rect {...rectangle(box)} onPointerDown={(event) => press(event, "move")} />
      {selected &&
        grips.map((grip) => (
          <rect
            key={grip}
            class={`grip ${grip}`}
            x={at[grip][0] - side / 2}
            y={at[grip][1] - side / 2}
            width={side}
            height={side}
            onPointerDown={(event) => press(event, grip)}
          />
        ))}
    </g>
  );
}
