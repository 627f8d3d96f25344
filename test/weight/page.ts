/** The script of a page that trains such a network when it is asked to. */
import { train } from "./cnn.ts";

document.querySelector("button")!.addEventListener("click", () => {
  void train([{ image: new Float32Array(8 * 28 * 28), label: new Uint32Array(8) }]).then(({ losses, logits }) => {
    document.body.append(`${losses.join(" ")}: ${logits.join(" ")}`);
  });
});
