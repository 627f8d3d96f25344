/** The predictions as a table of thousands of rows, of which only those in sight exist. */
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Classes } from "../../src/data/classes.ts";
import { chosen, results } from "../state/predictions.ts";
import { columns, type Column, type Reading } from "./rows.ts";
import { order, truthKnown, visible } from "./shown.ts";
import { boxText, percent } from "./words.ts";

const ROW_PIXELS = 34;
/** Rows kept beyond the edges, so that scrolling does not show empty ones. */
const SPARE_ROWS = 6;

/** What a click on a column sorts by first: the greatest of what one looks for, names from the first letter. */
const DESCENDING: ReadonlySet<Column> = new Set(["probability", "area"]);

export function ResultTable() {
  const box = useRef<HTMLDivElement>(null);
  const [view, setView] = useState({ height: 0, top: 0 });
  const wantsFocus = useRef(false);
  const { model } = results.value!;
  const rows = visible.value;
  const at = rows.findIndex(({ index }) => index === chosen.value);

  useLayoutEffect(() => {
    const measure = () => {
      const { clientHeight: height, scrollTop: top } = box.current!;
      setView((before) => (before.height === height && before.top === top ? before : { height, top }));
    };
    const observer = new ResizeObserver(measure);
    observer.observe(box.current!);
    box.current!.addEventListener("scroll", measure, { passive: true });
    measure();
    return () => observer.disconnect();
  }, []);

  // The chosen row stays in sight, whichever key or order moved it.
  useEffect(() => {
    if (at === -1) return;
    const { scrollTop, clientHeight } = box.current!;
    const [top, bottom] = [at * ROW_PIXELS, (at + 2) * ROW_PIXELS]; // One row is the heading.
    if (top < scrollTop) box.current!.scrollTop = top;
    else if (bottom > scrollTop + clientHeight) box.current!.scrollTop = bottom - clientHeight;
  }, [at, chosen.value]);

  useLayoutEffect(() => {
    if (!wantsFocus.current) return;
    const row = box.current!.querySelector<HTMLElement>('tr[tabindex="0"]');
    if (!row) return; // Comes in sight with the next scroll.
    wantsFocus.current = false;
    row.focus({ preventScroll: true });
  });

  const key = (event: KeyboardEvent) => {
    if (!(event.target instanceof HTMLTableRowElement)) return;
    const page = Math.max(1, Math.floor(view.height / ROW_PIXELS) - 2);
    const steps: Record<string, number> = {
      ...{ ArrowUp: -1, ArrowDown: 1, k: -1, j: 1, PageUp: -page, PageDown: page },
      ...{ Home: -rows.length, End: rows.length },
    };
    const step = steps[event.key];
    if (step === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    const from = Math.max(
      0,
      rows.findIndex(({ index }) => index === chosen.peek()),
    );
    wantsFocus.current = true;
    chosen.value = rows[Math.min(rows.length - 1, Math.max(0, from + step))]!.index;
  };

  const first = Math.max(0, Math.floor(view.top / ROW_PIXELS) - SPARE_ROWS);
  const last = Math.min(rows.length, Math.ceil((view.top + view.height) / ROW_PIXELS) + SPARE_ROWS);
  const shown = columns.filter((column) => isShown(column, model));
  return (
    <div class={truthKnown.value ? "results with-truth" : "results"} ref={box} onKeyDown={key}>
      <div style={{ paddingTop: `${first * ROW_PIXELS}px`, paddingBottom: `${(rows.length - last) * ROW_PIXELS}px` }}>
        <table role="grid" aria-label="Predictions" aria-rowcount={rows.length + 1} aria-colcount={shown.length}>
          <thead>
            <tr aria-rowindex={1}>
              {shown.map((column) => (
                <Head key={column} column={column} classes={model.classes} />
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.slice(first, last).map((reading, i) => (
              <Row
                key={reading.index}
                reading={reading}
                place={first + i}
                shown={shown}
                classes={model.classes}
                // Where the chosen one is filtered away, the first row can be reached.
                reachable={reading.index === chosen.value || (at === -1 && first + i === 0)}
              />
            ))}
          </tbody>
        </table>
      </div>
    </div>
  );
}

function isShown(column: Column, { classifies, outlines }: { classifies: boolean; outlines: boolean }): boolean {
  if (column === "probability" || column === "predicted") return classifies;
  if (column === "truth") return truthKnown.value;
  return column === "image" || outlines;
}

function titleOf(column: Column, { names, positive }: Classes): string {
  if (column === "probability") return names.length === 2 ? `P(${names[positive]!})` : "Probability";
  const titles = { image: "Image", predicted: "Predicted", truth: "Truth", area: "Area, px²", box: "Box, px" };
  return titles[column];
}

function Head({ column, classes }: { column: Column; classes: Classes }) {
  const now = order.value?.column === column ? order.value : undefined;
  const sort = () => {
    const first = DESCENDING.has(column);
    if (!now) order.value = { column, descending: first };
    // The third click gives back the images' own order.
    else order.value = now.descending === first ? { column, descending: !first } : undefined;
  };
  return (
    <th scope="col" class={`of-${column}`} aria-sort={now ? (now.descending ? "descending" : "ascending") : undefined}>
      <button class="sort" onClick={sort}>
        {titleOf(column, classes)}
        <span aria-hidden="true">{now ? (now.descending ? " ↓" : " ↑") : ""}</span>
      </button>
    </th>
  );
}

interface RowProps {
  reading: Reading;
  place: number;
  shown: readonly Column[];
  classes: Classes;
  reachable: boolean;
}

function Row({ reading, place, shown, classes, reachable }: RowProps) {
  const { index, row } = reading;
  const choose = () => (chosen.value = index);
  return (
    <tr
      aria-rowindex={place + 2}
      aria-selected={index === chosen.value}
      tabIndex={reachable ? 0 : -1}
      onClick={choose}
      onFocus={choose}
    >
      {shown.map((column) => (
        <td key={column} class={`of-${column}`} title={column === "image" ? row.name : undefined}>
          <Cell column={column} reading={reading} classes={classes} />
        </td>
      ))}
    </tr>
  );
}

function Cell({ column, reading, classes }: { column: Column; reading: Reading; classes: Classes }) {
  const { row, probability, predicted, truth, wrong } = reading;
  const tag = (label: number | undefined) =>
    label === undefined ? null : <span class={`tag class-${label % 5}`}>{classes.names[label]}</span>;
  switch (column) {
    case "image":
      return <>{row.name}</>;
    case "probability":
      return <>{probability === undefined ? "" : percent(probability)}</>;
    case "predicted":
      return tag(predicted);
    case "truth":
      return (
        <>
          {tag(truth?.label)}
          {wrong && <span class="fault"> wrong</span>}
        </>
      );
    case "area":
      return <>{row.found?.box ? row.found.area.toFixed(0) : ""}</>;
    case "box":
      return <>{row.found?.box ? boxText(row.found.box) : "none"}</>;
  }
}
