/** The images of a project: opened, filtered, searched, shown in a grid. */
import { Fragment } from "preact";
import { useEffect, useState } from "preact/hooks";
import { ClassList } from "../parts/class-list.tsx";
import { ExportAnnotations } from "../parts/export-annotations.tsx";
import { Filters } from "../parts/filters.tsx";
import { Grid } from "../parts/grid.tsx";
import { LeftOut } from "../parts/left-out.tsx";
import { NewProject } from "../parts/new-project.tsx";
import { OpenFiles } from "../parts/open-files.tsx";
import { SelectedImages } from "../parts/selected-images.tsx";
import { Thumbnail } from "../parts/thumbnail.tsx";
import { hasState } from "../project/filter.ts";
import { loopOf } from "../project/frames.ts";
import type { Project, ProjectImage } from "../project/project.ts";
import {
  closeProject,
  current,
  filter,
  importing,
  listProjects,
  openProject,
  project,
  projects,
  removeProject,
  shown,
} from "../state/project.ts";
import { go } from "../state/route.ts";
import { chosen, chosenShown } from "../state/selection.ts";
import { forgetThumbnails } from "../state/thumbnails.ts";

export function Images() {
  useEffect(() => void listProjects(), []);
  const open = project.value;
  const work = importing.value;
  return (
    <>
      <h1>{open ? open.name : "Images"}</h1>
      {work && (
        <div class="progress" role="status">
          <p>
            {work.what}
            {work.total > 0 && ` ${work.done} of ${work.total}`}…
          </p>
          <progress
            value={work.total > 0 ? work.done : undefined}
            max={work.total > 0 ? work.total : undefined}
            aria-label={work.what}
          />
          <button onClick={work.stop}>Stop</button>
        </div>
      )}
      {open && !work && <Open project={open} />}
      {!open && !work && (
        <>
          <Kept />
          <OpenFiles />
          <NewProject />
        </>
      )}
    </>
  );
}

/** The projects of this browser. */
function Kept() {
  const [asked, setAsked] = useState<string>();
  if (projects.value.length === 0) return null;
  return (
    <section aria-labelledby="kept">
      <h2 id="kept">Projects in this browser</h2>
      <ul class="plain">
        {projects.value.map(({ name, images }) => (
          <li key={name}>
            <button class="main" onClick={() => void openProject(name)}>
              {name}
            </button>
            <span class="dim">{images} images</span>
            {asked === name ? (
              <button
                class="bad"
                onClick={() => {
                  forgetThumbnails(name);
                  void removeProject(name);
                }}
              >
                Delete it with all its images and annotations
              </button>
            ) : (
              <button aria-label={`Delete ${name}`} onClick={() => setAsked(name)}>
                Delete…
              </button>
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}

function Open({ project: open }: { project: Project }) {
  const kept = shown.value;
  const [selecting, setSelecting] = useState(false);
  const marked = open.images.filter((image) => hasState(image, "annotated")).length;
  return (
    <>
      <p>
        {open.images.length} images, {marked} with class and box
        {open.left.length > 0 && `, ${open.left.length} files left out`}.
      </p>
      <Filters project={open} />
      <p class="dim small" role="status">
        {kept.length === open.images.length ? "All images" : `${kept.length} of ${open.images.length} images`}
      </p>
      <SelectedImages project={open} selecting={selecting} onSelecting={setSelecting} />
      {kept.length > 0 && (
        <Grid
          key={JSON.stringify(filter.value)}
          items={kept}
          label="Images"
          tile={{ width: 168, height: 196 }}
          current={current.value}
          name={(i) => describe(open, i)}
          onOpen={(i) => {
            current.value = i;
            go("annotate");
          }}
          render={(i) => <Tile project={open} index={i} />}
          selected={chosenShown.value}
          onSelect={(items) => (chosen.value = items)}
          selecting={selecting}
        />
      )}
      <ClassList project={open} />
      <ExportAnnotations project={open} />
      <LeftOut project={open} />
      <p>
        <button onClick={() => void closeProject()}>Other images…</button>
      </p>
    </>
  );
}

const className = ({ classes }: Project, label: number | null): string =>
  label === null ? "no class" : (classes.names[label] ?? "no class");

/** A tile's name: what is seen on it, in the same order, and its boxes. */
function describe(open: Project, index: number): string {
  const image = open.images[index]!;
  const boxes = image.boxes.length === 1 ? "1 box" : `${image.boxes.length} boxes`;
  return [image.id, ...tagsOf(open, image).map(({ text }) => text), image.empty ? "no nodule" : boxes].join(", ");
}

function tagsOf(open: Project, image: ProjectImage): { kind: string; text: string }[] {
  const { label, notes } = image;
  return [
    { kind: label === null ? "none" : `class-${label % 5}`, text: className(open, label) },
    ...(loopOf(image) === undefined ? [] : [{ kind: "none", text: "frame" }]),
    ...(notes.length === 0 ? [] : [{ kind: "note", text: notes.length === 1 ? "1 note" : `${notes.length} notes` }]),
  ];
}

function Tile({ project: open, index }: { project: Project; index: number }) {
  const image = open.images[index]!;
  return (
    <>
      <Thumbnail project={open.name} index={index} image={image} />
      <span class="name">{image.id}</span>{" "}
      <span class="tags">
        {tagsOf(open, image).map(({ kind, text }) => (
          <Fragment key={text}>
            <span class={`tag ${kind}`}>{text}</span>{" "}
          </Fragment>
        ))}
      </span>
    </>
  );
}
