/** Images followed through a training: the newest mask large, those of earlier epochs in a strip, and the probability by epoch. */
import { useEffect, useState } from "preact/hooks";
import type { Followed, FollowedEpoch, FollowedImage } from "../../src/runs/followed.ts";
import type { TrainConfig } from "../../src/train/config.ts";
import { Curve } from "../parts/curve.tsx";
import { percent } from "./words.ts";

interface Props {
  images: Followed["images"];
  epochs: Followed["epochs"];
  config: Pick<TrainConfig, "classes" | "positive">;
}

/** Of a network without classes of its own. */
const OWN: readonly string[] = ["benign", "malignant"];

/** The classes' names, and the one whose probability is shown. */
function classesOf({ classes, positive }: Props["config"]): { names: readonly string[]; positive: number } {
  const names = classes ?? OWN;
  const named = names.indexOf(positive ?? "malignant");
  return { names, positive: named >= 0 ? named : names.length - 1 };
}

export function FollowedImages({ images, epochs, config }: Props) {
  if (images.length === 0) return null;
  const classes = classesOf(config);
  const known = epochs.map(({ probabilities }, i) => ({ x: i + 1, probabilities }));
  const lines = images.map(({ id }, k) => ({
    name: id,
    points: known.flatMap(({ x, probabilities }) => {
      const value = probabilities[k]?.[classes.positive];
      return value === undefined ? [] : [{ x, y: value }];
    }),
  }));
  const drawn = lines.filter(({ points }) => points.length > 0);
  return (
    <section aria-labelledby="followed">
      <h3 id="followed">Images followed</h3>
      {epochs.length === 0 && <p class="dim small">Their masks are shown after each epoch.</p>}
      <div class="followed">
        {images.map((image, k) => (
          <Course key={image.id} image={image} index={k} epochs={epochs} {...classes} />
        ))}
      </div>
      {drawn.length > 0 && (
        <div class="curves">
          <Curve title={`Probability of ${classes.names[classes.positive]!}`} x="epoch" range={[0, 1]} lines={drawn} />
        </div>
      )}
    </section>
  );
}

interface CourseProps {
  image: FollowedImage;
  index: number;
  epochs: readonly FollowedEpoch[];
  names: readonly string[];
  positive: number;
}

function Course({ image, index, epochs, names, positive }: CourseProps) {
  const url = usePicture(image.png);
  const outlined = epochs.flatMap((epoch, i) => (epoch.rings ? [{ epoch, number: i + 1 }] : []));
  const newest = epochs.at(-1);
  const probability = newest?.probabilities[index]?.[positive];
  const label = image.label === null ? "no class" : (names[image.label] ?? "no class");
  const told = probability === undefined ? "no probability yet" : `${percent(probability)} ${names[positive]!}`;
  return (
    <figure class="course">
      <Picture image={image} url={url} rings={newest?.rings?.[index] ?? []} label={`${image.id}: ${told}`} />
      <figcaption>
        <b>{told}</b>
        <span>
          {image.id}, {label}
          {image.side === "train" && ", trained on"}
          {newest?.rings?.[index]?.length === 0 && ", no mask yet"}
        </span>
      </figcaption>
      {outlined.length > 1 && (
        <ol class="strip" tabIndex={0} aria-label={`Earlier masks of ${image.id}`}>
          {outlined.slice(0, -1).map(({ epoch, number }) => {
            const p = epoch.probabilities[index]?.[positive];
            const share = p === undefined ? undefined : percent(p);
            const text = `epoch ${number}${share === undefined ? "" : `, ${share}`}`;
            return (
              <li key={number}>
                <Picture image={image} url={url} rings={epoch.rings![index] ?? []} label={text} />
                <span>epoch {number}</span>
                {share !== undefined && <span>{share}</span>}
              </li>
            );
          })}
        </ol>
      )}
    </figure>
  );
}

/** An address of the picture, once for all places that show it. */
function usePicture(png: string): string | undefined {
  const [url, setUrl] = useState<string>();
  useEffect(() => {
    const bytes = Uint8Array.from(atob(png), (letter) => letter.charCodeAt(0));
    const made = URL.createObjectURL(new Blob([bytes], { type: "image/png" }));
    setUrl(made);
    return () => URL.revokeObjectURL(made);
  }, [png]);
  return url;
}

interface PictureProps {
  image: FollowedImage;
  url: string | undefined;
  rings: readonly (readonly (readonly [number, number])[])[];
  label: string;
}

/** The picture with the expert's boxes and the outline of the mask. */
function Picture({ image: { width, height, boxes }, url, rings, label }: PictureProps) {
  const path = rings.map((ring) => `M${ring.map((point) => point.join()).join("L")}Z`).join("");
  return (
    <svg viewBox={`0 0 ${width} ${height}`} role="img" aria-label={label}>
      {url !== undefined && <image width={width} height={height} href={url} />}
      {boxes.map(([x0, y0, x1, y1]) => (
        <rect key={[x0, y0, x1, y1].join()} x={x0} y={y0} width={x1 - x0} height={y1 - y0} />
      ))}
      <path d={path} />
    </svg>
  );
}
