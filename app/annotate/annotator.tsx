/** The picture with its boxes: drawn, moved, resized and deleted by mouse, finger and keyboard. */
import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Box, Point, Shape } from "../../src/data/sample.ts";
import type { ProjectImage } from "../project/project.ts";
import { centred, dragged } from "./edit.ts";
import { Marked, Outside, rectangle } from "./marks.tsx";
import { outlinePath } from "./outline-path.ts";
import { usePointers } from "./pointers.ts";

interface Props {
  image: ProjectImage;
  /** The picture, or undefined while it is read. */
  picture: ImageBitmap | undefined;
  /** The part that is taken as tissue. */
  crop: Box | undefined;
  /** The true outlines that the image came with, once they are read. */
  shape: Shape | undefined;
  selected: number | undefined;
  onSelect: (index: number | undefined) => void;
  /** @param gesture the same for all changes that are one step */
  onBoxes: (boxes: readonly Box[], gesture?: unknown) => void;
  /** What else is drawn over the picture, in its pixels. */
  children?: ComponentChildren;
}

const ZOOM_STEP = 1.25;
const MOST_ZOOM = 12;

export function Annotator({ image, picture, crop, shape, selected, onSelect, onBoxes, children }: Props) {
  const { boxes } = image;
  const frame = useRef<HTMLDivElement>(null);
  const drawing = useRef<SVGSVGElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  /** A point of the image that is to be shown at a place of the screen after the next change of the zoom. */
  const anchor = useRef<{ point: Point; client: Point } | undefined>(undefined);
  const [zoom, setZoom] = useState(1);
  const [fit, setFit] = useState(1);
  const [panning, setPanning] = useState(false);
  const [outlined, setOutlined] = useState(true);
  const scale = fit * zoom;
  const drawn = useMemo(() => shape && outlinePath(shape), [shape]);
  const path = image.outlined ? drawn : undefined;

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

  const scrollToAnchor = () => {
    if (!anchor.current) return;
    const { point, client } = anchor.current;
    const { left, top, width } = drawing.current!.getBoundingClientRect();
    const shown = width / image.width;
    frame.current!.scrollLeft += left + point.x * shown - client.x;
    frame.current!.scrollTop += top + point.y * shown - client.y;
  };
  useLayoutEffect(() => {
    scrollToAnchor();
    anchor.current = undefined;
  }, [scale]);

  const onView = (next: number, point: Point, client: Point) => {
    anchor.current = { point, client };
    const within = Math.min(MOST_ZOOM, Math.max(1, next));
    if (within !== zoom) {
      setZoom(within);
      return;
    }
    scrollToAnchor();
    anchor.current = undefined;
  };

  /** About a place of the screen; by default the middle of what is shown. */
  const zoomBy = (factor: number, at?: Point) => {
    const box = frame.current!.getBoundingClientRect();
    const client = at ?? { x: box.left + box.width / 2, y: box.top + box.height / 2 };
    const { left, top, width } = drawing.current!.getBoundingClientRect();
    const shown = width / image.width;
    onView(zoom * factor, { x: (client.x - left) / shown, y: (client.y - top) / shown }, client);
  };

  const { drag, handlers } = usePointers({ image, boxes, selected, panning, zoom, onSelect, onBoxes, onView });

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
    else if (event.key === "o" && path) setOutlined(!outlined);
    else if (event.key === "Escape") onSelect(undefined);
    else return;
    event.preventDefault();
  };

  const shownBox = (box: Box, index: number) => (drag?.kind === "change" && drag.index === index ? drag.box : box);
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
        {/* It stays when the outline goes: the picture must not jump under the pointer. */}
        {(image.outlined || shape) && (
          <button aria-pressed={outlined} onClick={() => setOutlined(!outlined)} disabled={!image.outlined}>
            True outline
          </button>
        )}
        <span class="dim small">
          {image.width} × {image.height}, {Math.round(scale * 100)} %
        </span>
      </div>
      <div
        class="frame"
        ref={frame}
        tabIndex={0}
        data-keep="picture"
        role="application"
        aria-label={`Picture ${image.id} with ${boxes.length} boxes. B adds a box, arrows move it, Alt and arrows resize it, Delete removes it.`}
        onKeyDown={key}
        onWheel={(event) => {
          if (!event.ctrlKey) return;
          event.preventDefault();
          zoomBy(event.deltaY < 0 ? ZOOM_STEP : 1 / ZOOM_STEP, { x: event.clientX, y: event.clientY });
        }}
      >
        <div class="stage" style={{ width: `${image.width * scale}px`, height: `${image.height * scale}px` }}>
          <canvas ref={canvas} width={image.width} height={image.height} />
          <svg
            ref={drawing}
            class={panning ? "panning" : ""}
            viewBox={`0 0 ${image.width} ${image.height}`}
            {...handlers}
          >
            {crop && <Outside size={image} crop={crop} />}
            {path && outlined && <path class="outline" d={path} />}
            {boxes.map((box, index) => (
              <Marked key={index} box={shownBox(box, index)} selected={index === selected} scale={scale} />
            ))}
            {children}
            {drag?.kind === "draw" && drag.box && <rect class="sketch" {...rectangle(drag.box)} />}
          </svg>
        </div>
      </div>
    </div>
  );
}
