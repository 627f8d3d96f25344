/** Curves over steps or epochs, as SVG. */

export interface Line {
  name: string;
  points: readonly { x: number; y: number }[];
}

interface Props {
  title: string;
  /** What x counts, such as "epoch". */
  x: string;
  lines: readonly Line[];
  /** Ends of the vertical axis; default those of the values. */
  range?: readonly [number, number];
}

const [WIDTH, HEIGHT] = [460, 200];
const MARGIN = { left: 44, right: 12, top: 10, bottom: 26 };

export function Curve({ title, x, lines, range }: Props) {
  const all = lines.flatMap(({ points }) => points);
  if (all.length === 0) return null;
  const xs = all.map((p) => p.x);
  const ys = all.map((p) => p.y).filter(Number.isFinite);
  const [left, right] = [Math.min(...xs), Math.max(...xs)];
  const [low, high] = range ?? spread(Math.min(...ys), Math.max(...ys));
  const across = (v: number) =>
    MARGIN.left + ((v - left) / Math.max(right - left, 1e-9)) * (WIDTH - MARGIN.left - MARGIN.right);
  const down = (v: number) =>
    HEIGHT - MARGIN.bottom - ((v - low) / (high - low)) * (HEIGHT - MARGIN.top - MARGIN.bottom);
  const last = lines.map(({ name, points }) => `${name} ${show(points.at(-1)?.y)}`).join(", ");
  return (
    <figure class="curve">
      <figcaption>
        {title}
        <span class="legend">
          {lines.map(({ name, points }, i) => (
            <span key={name} class={`line-${i % 5}`}>
              {name} {show(points.at(-1)?.y)}
            </span>
          ))}
        </span>
      </figcaption>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={`${title}: ${last} at ${x} ${right}`}>
        {[low, (low + high) / 2, high].map((tick) => (
          <g key={tick}>
            <line class="rule" x1={MARGIN.left} x2={WIDTH - MARGIN.right} y1={down(tick)} y2={down(tick)} />
            <text x={MARGIN.left - 6} y={down(tick) + 4} text-anchor="end">
              {show(tick)}
            </text>
          </g>
        ))}
        <text x={MARGIN.left} y={HEIGHT - 7}>
          {x} {left}
        </text>
        <text x={WIDTH - MARGIN.right} y={HEIGHT - 7} text-anchor="end">
          {right}
        </text>
        {lines.map(({ name, points }, i) => (
          <g key={name} class={`line-${i % 5}`}>
            <polyline
              points={points
                .map((p) => `${across(p.x).toFixed(1)},${down(clamp(p.y, low, high)).toFixed(1)}`)
                .join(" ")}
            />
            {points.length < 20 &&
              points.map((p) => <circle key={p.x} cx={across(p.x)} cy={down(clamp(p.y, low, high))} r={3} />)}
          </g>
        ))}
      </svg>
    </figure>
  );
}

const clamp = (value: number, low: number, high: number): number => Math.min(high, Math.max(low, value));

/** A little more than the values span. */
function spread(low: number, high: number): [number, number] {
  const more = (high - low) * 0.05 || Math.abs(high) * 0.1 || 1;
  return [low - more, high + more];
}

const show = (value: number | undefined): string =>
  value === undefined ? "" : value.toPrecision(3).replace(/\.?0+$/, "");
