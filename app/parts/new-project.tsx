/** Where new images come from. */
import { useState } from "preact/hooks";
import { makePhantom } from "../state/project.ts";

const MOST_PHANTOMS = 2000;

/** Other images than those that the page's own model was trained on. */
const SEEDS: Readonly<Record<string, number>> = { phantom: 1, "phantom-b": 0 };

export function NewProject() {
  const [count, setCount] = useState(120);
  const [scanner, setScanner] = useState("phantom");
  return (
    <section aria-labelledby="synthetic">
      <h2 id="synthetic">Synthetic images</h2>
      <p>Drawn by the page, with nodules, boxes and classes: to try everything without a patient's image.</p>
      <form
        class="filters"
        onSubmit={(event) => {
          event.preventDefault();
          void makePhantom(
            `${scanner} ${new Date().toISOString().slice(0, 19).replaceAll(":", "-").replace("T", " ")}`,
            scanner,
            SEEDS[scanner]!,
            count,
          );
        }}
      >
        <label>
          Scanner
          <select value={scanner} onChange={(event) => setScanner(event.currentTarget.value)}>
            <option value="phantom">A</option>
            <option value="phantom-b">B, with other nodules and settings</option>
          </select>
        </label>
        <label>
          Images
          <input
            type="number"
            min={20}
            max={MOST_PHANTOMS}
            step={1}
            required
            value={count}
            onInput={(event) => setCount(event.currentTarget.valueAsNumber)}
          />
        </label>
        <button class="main">Draw them</button>
      </form>
    </section>
  );
}
