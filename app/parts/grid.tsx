/** A grid of thousands of tiles of which only those in sight exist. Arrow keys move between them, as in any grid. */
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { ComponentChildren } from "preact";

interface Props {
  /** What the tiles stand for, in order. */
  items: readonly number[];
  /** Of the grid, for screen readers. */
  label: string;
  /** Least width of a tile, and the height of all, in CSS pixels. */
  tile: { width: number; height: number };
  /** The one that was last used. */
  current: number | undefined;
  render: (item: number) => ComponentChildren;
  /** What a tile is called, for screen readers. */
  name: (item: number) => string;
  onOpen: (item: number) => void;
  selected: ReadonlySet<number>;
  onSelect: (items: ReadonlySet<number>) => void;
  /** Whether a click selects, as fingers have no Ctrl key, instead of opening. */
  selecting: boolean;
}

/** Rows kept beyond the edges, so that scrolling does not show empty ones. */
const SPARE_ROWS = 2;
const GAP_PIXELS = 10;

export function Grid(props: Props) {
  const { items, label, tile, current, render, name, onOpen, selected, onSelect, selecting } = props;
  const box = useRef<HTMLDivElement>(null);
  const [view, setView] = useState({ width: 0, height: 0, top: 0 });
  const [active, setActive] = useState(Math.max(0, current === undefined ? 0 : items.indexOf(current)));
  /** The same at once: keys may come faster than what they show. */
  const newest = useRef(active);
  const wantsFocus = useRef(false);
  /** Where a range begins. */
  const anchor = useRef<number>(undefined);

  useLayoutEffect(() => {
    const measure = () => {
      const { clientWidth: width, clientHeight: height, scrollTop: top } = box.current!;
      setView((before) =>
        before.width === width && before.height === height && before.top === top ? before : { width, height, top },
      );
    };
    const observer = new ResizeObserver(measure);
    observer.observe(box.current!);
    box.current!.addEventListener("scroll", measure, { passive: true });
    measure();
    return () => observer.disconnect();
  }, []);

  const columns = Math.max(1, Math.floor((view.width + GAP_PIXELS) / (tile.width + GAP_PIXELS)));
  const rows = Math.ceil(items.length / columns);
  const pitch = tile.height + GAP_PIXELS;
  const first = Math.max(0, Math.floor(view.top / pitch) - SPARE_ROWS);
  const last = Math.min(rows, Math.ceil((view.top + view.height) / pitch) + SPARE_ROWS);
  const focused = Math.min(active, items.length - 1);

  useLayoutEffect(() => {
    if (!wantsFocus.current) return;
    wantsFocus.current = false;
    box.current!.querySelector<HTMLElement>('[tabindex="0"]')?.focus();
  });

  const show = (index: number) => {
    const [top, bottom] = [Math.floor(index / columns) * pitch, (Math.floor(index / columns) + 1) * pitch];
    const { scrollTop, clientHeight } = box.current!;
    if (top < scrollTop) box.current!.scrollTop = top;
    else if (bottom > scrollTop + clientHeight) box.current!.scrollTop = bottom - clientHeight;
  };

  // Coming back from an image, its tile is in sight.
  useEffect(() => {
    if (view.width > 0 && focused > 0) show(focused);
  }, [view.width > 0]);

  const activate = (index: number) => {
    newest.current = index;
    setActive(index);
  };

  const toggle = (item: number) => {
    anchor.current = item;
    const next = new Set(selected);
    if (!next.delete(item)) next.add(item);
    onSelect(next);
  };
  /** All from where the range begins to an item; with what is selected already, if that is to stay. */
  const selectTo = (item: number, more: boolean) => {
    const from = Math.max(0, items.indexOf(anchor.current ?? items[Math.min(newest.current, items.length - 1)]!));
    anchor.current = items[from]!;
    const to = items.indexOf(item);
    const range = items.slice(Math.min(from, to), Math.max(from, to) + 1);
    onSelect(new Set(more ? [...selected, ...range] : range));
  };
  const click = (item: number, event: MouseEvent) => {
    if (event.shiftKey) selectTo(item, event.ctrlKey || event.metaKey);
    else if (event.ctrlKey || event.metaKey || selecting) toggle(item);
    else onOpen(item);
  };

  const key = (event: KeyboardEvent) => {
    const at = Math.min(newest.current, items.length - 1);
    const withControl = event.ctrlKey || event.metaKey;
    const command = {
      Enter: () => onOpen(items[at]!),
      " ": () => toggle(items[at]!),
      a: withControl ? () => onSelect(new Set(items)) : undefined,
      Escape: selected.size > 0 ? () => onSelect(new Set()) : undefined,
    }[event.key];
    if (command) {
      event.preventDefault();
      command();
      return;
    }
    const inSight = Math.max(1, Math.floor(view.height / pitch)) * columns;
    const steps: Record<string, number> = {
      ...{ ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns, PageUp: -inSight, PageDown: inSight },
      ...{ Home: -items.length, End: items.length },
    };
    const step = steps[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const next = Math.min(items.length - 1, Math.max(0, at + step));
    if (event.shiftKey) selectTo(items[next]!, false);
    wantsFocus.current = true;
    activate(next);
    show(next);
  };

  return (
    <div
      class="grid"
      ref={box}
      role="grid"
      aria-label={label}
      aria-rowcount={rows}
      aria-colcount={columns}
      aria-multiselectable="true"
      onKeyDown={key}
    >
      <div role="presentation" style={{ height: `${first * pitch}px` }} />
      {Array.from({ length: Math.max(0, last - first) }, (_, r) => first + r).map((row) => (
        <div
          key={row}
          role="row"
          aria-rowindex={row + 1}
          class="row"
          style={{
            gridTemplateColumns: `repeat(${columns}, minmax(0, 1fr))`,
            height: `${tile.height}px`,
            marginBottom: `${GAP_PIXELS}px`,
          }}
        >
          {items.slice(row * columns, (row + 1) * columns).map((item, column) => {
            const index = row * columns + column;
            return (
              <div
                key={item}
                role="gridcell"
                aria-label={name(item)}
                aria-selected={selected.has(item)}
                aria-current={item === current}
                tabIndex={index === focused ? 0 : -1}
                class="tile"
                // A click moves the focus before it is known what it does: the range begins where the focus was.
                onMouseDown={(event) => event.shiftKey && (anchor.current ??= items[focused])}
                onFocus={() => activate(index)}
                onClick={(event) => click(item, event)}
              >
                {render(item)}
              </div>
            );
          })}
        </div>
      ))}
      <div role="presentation" style={{ height: `${Math.max(0, rows - last) * pitch}px` }} />
    </div>
  );
}
