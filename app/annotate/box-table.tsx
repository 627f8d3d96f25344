/** The boxes as numbers: four of them are enough to mark a nodule. */
import type { Box } from "../../src/data/sample.ts";
import type { ProjectImage } from "../project/project.ts";
import { centred, MIN_SIDE_PIXELS } from "./edit.ts";
import { TypedInput } from "../parts/typed-input.tsx";

interface Props {
  image: ProjectImage;
  selected: number | undefined;
  onSelect: (index: number | undefined) => void;
  onBoxes: (boxes: readonly Box[]) => void;
  onEmpty: (empty: boolean) => void;
}

const edges = [
  ["x0", "left"],
  ["y0", "top"],
  ["x1", "right"],
  ["y1", "bottom"],
] as const;

export function BoxTable({ image, selected, onSelect, onBoxes, onEmpty }: Props) {
  const { boxes, width, height, empty } = image;
  const set = (index: number, edge: keyof Box, value: number) => {
    if (!Number.isFinite(value)) return;
    const box = boxes[index]!;
    const limits: Record<keyof Box, readonly [number, number]> = {
      x0: [0, box.x1 - MIN_SIDE_PIXELS],
      x1: [box.x0 + MIN_SIDE_PIXELS, width],
      y0: [0, box.y1 - MIN_SIDE_PIXELS],
      y1: [box.y0 + MIN_SIDE_PIXELS, height],
    };
    const [least, most] = limits[edge];
    const changed = { ...box, [edge]: Math.min(most, Math.max(least, Math.round(value))) };
    onBoxes(boxes.map((b, i) => (i === index ? changed : b)));
  };
  return (
    <fieldset>
      <legend>Boxes, in pixels</legend>
      {boxes.length > 0 && (
        <table class="boxes">
          <thead>
            <tr>
              {edges.map(([, name]) => (
                <th key={name} scope="col">
                  {name}
                </th>
              ))}
              <th scope="col">
                <span class="hidden">delete</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {boxes.map((box, index) => (
              <tr key={index} class={index === selected ? "selected" : ""} onFocusCapture={() => onSelect(index)}>
                {edges.map(([edge, name]) => (
                  <td key={edge}>
                    <TypedInput
                      type="number"
                      aria-label={`Box ${index + 1}, ${name}`}
                      step={1}
                      value={Math.round(box[edge])}
                      take={(input) => set(index, edge, input.valueAsNumber)}
                    />
                  </td>
                ))}
                <td>
                  <button
                    aria-label={`Delete box ${index + 1}`}
                    onClick={() => {
                      onSelect(undefined);
                      onBoxes(boxes.filter((b) => b !== box));
                    }}
                  >
                    ×
                  </button>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      <button
        onClick={() => {
          onBoxes([...boxes, centred(image)]);
          onSelect(boxes.length);
        }}
      >
        Add a box
      </button>
      <label class="check">
        <input type="checkbox" checked={empty} onChange={(event) => onEmpty(event.currentTarget.checked)} />
        shows no nodule
      </label>
    </fieldset>
  );
}
