/** Shows progress: a bar on a terminal, only lines elsewhere. */
import { MultiBar, Presets } from "cli-progress";
import { visible } from "./terminal.ts";

/** 75 -> "1:15". */
export function clock(seconds: number): string {
  if (!Number.isFinite(seconds)) return "?";
  const s = Math.round(seconds);
  const [h, m] = [Math.floor(s / 3600), Math.floor((s % 3600) / 60)];
  const tail = `${String(m).padStart(h > 0 ? 2 : 1, "0")}:${String(s % 60).padStart(2, "0")}`;
  return h > 0 ? `${h}:${tail}` : tail;
}

export class Progress {
  readonly #bars: MultiBar | undefined;
  #bar: ReturnType<MultiBar["create"]> | undefined;
  #begun = 0;
  #from = 0;

  constructor() {
    if (!process.stdout.isTTY) return;
    const format = "{label} [{bar}] {value}/{total} {text} | {left} left";
    this.#bars = new MultiBar({ format, hideCursor: true, clearOnComplete: true, fps: 5 }, Presets.shades_classic);
  }

  /** Starts a new bar, replacing the previous one. `from`: where it starts after an interruption. */
  start(label: string, total: number, from = 0): void {
    this.clear();
    this.#begun = performance.now();
    this.#from = from;
    this.#bar = this.#bars?.create(total, from, { label, text: "", left: "?" });
  }

  /** Moves the bar to `value`; `text` follows it, and `left`, if known better than from the bar's own pace. */
  update(value: number, text = "", left?: string): void {
    if (!this.#bar) return;
    if (left !== undefined) {
      this.#bar.update(value, { text, left });
      return;
    }
    const done = value - this.#from;
    const perItem = (performance.now() - this.#begun) / 1000 / Math.max(done, 1);
    this.#bar.update(value, { text, left: done > 0 ? clock(perItem * (this.#bar.getTotal() - value)) : "?" });
  }

  /** Prints a permanent line. */
  line(text: string): void {
    if (this.#bars && this.#bar) {
      this.#bars.log(`${visible(text)}\n`);
      this.#bars.update();
    } else console.log(text);
  }

  /** Removes the bar. */
  clear(): void {
    if (this.#bar) this.#bars!.remove(this.#bar);
    this.#bar = undefined;
  }

  stop(): void {
    this.clear();
    this.#bars?.stop();
  }
}
