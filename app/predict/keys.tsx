/** Keys of the view, wherever the focus is but in a field that takes letters. */
import { useEffect } from "preact/hooks";
import { results, threshold } from "../state/predictions.ts";
import { setThreshold, THRESHOLD_STEP } from "./figures.tsx";
import { map, move, shown, zoom, zoomBy, ZOOM_STEP } from "./shown.ts";

const toggles = { o: "outline", b: "box", t: "truth", h: "map" } as const;

/** @returns whether the key means something */
function press(key: string): boolean {
  const { model } = results.value!;
  const toggle = toggles[key as keyof typeof toggles] as (typeof toggles)[keyof typeof toggles] | undefined;
  if (toggle) shown.value = { ...shown.value, [toggle]: !shown.value[toggle] };
  else if (key === "j") move(1);
  else if (key === "k") move(-1);
  else if (key === "[") setThreshold(threshold.value - THRESHOLD_STEP);
  else if (key === "]") setThreshold(threshold.value + THRESHOLD_STEP);
  else if (key === "+" || key === "=") zoomBy(ZOOM_STEP);
  else if (key === "-") zoomBy(1 / ZOOM_STEP);
  else if (key === "f") zoom.value = 1;
  else if (key === "e") map.value = { ...map.value, before: !map.value.before };
  else if (/^\d$/.test(key) && model.points.includes(`L${key}`) && model.methods.includes("gradcam")) {
    map.value = { ...map.value, method: "gradcam", point: `L${key}` };
    shown.value = { ...shown.value, map: true };
  } else return false;
  return true;
}

export function useKeys(): void {
  useEffect(() => {
    const listen = (event: KeyboardEvent) => {
      const { target, key, ctrlKey, metaKey, altKey } = event;
      if (ctrlKey || metaKey || altKey || !results.value) return;
      if (target instanceof HTMLSelectElement || target instanceof HTMLTextAreaElement) return;
      // Sliders and check boxes take no letters.
      if (target instanceof HTMLInputElement && !["range", "checkbox"].includes(target.type)) return;
      if (press(key)) event.preventDefault();
    };
    addEventListener("keydown", listen);
    return () => removeEventListener("keydown", listen);
  }, []);
}

export function Keys() {
  return (
    <details>
      <summary>Keys</summary>
      <dl class="keys">
        <dt>J, K</dt>
        <dd>next, previous image; in the table also the arrows</dd>
        <dt>O, B, T, H</dt>
        <dd>outline, box, annotated boxes, map on or off</dd>
        <dt>0 to 4</dt>
        <dd>Grad-CAM at this scale</dd>
        <dt>E</dt>
        <dd>map before or after enhancement</dd>
        <dt>[ ]</dt>
        <dd>threshold down, up</dd>
        <dt>+ − F</dt>
        <dd>zoom in, out, fit</dd>
      </dl>
    </details>
  );
}
