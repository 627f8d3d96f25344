/** The images of a project: opened, filtered, searched, shown in a grid. */
import { useEffect, useState } from "preact/hooks";
import { Grid } from "../parts/grid.tsx";
import { NewProject } from "../parts/new-project.tsx";
import { OpenFiles } from "../parts/open-files.tsx";
import { Thumbnail } from "../parts/thumbnail.tsx";
import { statusOf, type Filter, type Project, type Status } from "../project/project.ts";
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
  const marked = open.images.filter((image) => statusOf(image) === "annotated").length;
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
        />
      )}
      <LeftOut project={open} />
      <p>
        <button onClick={() => void closeProject()}>Other images…</button>
      </p>
    </>
  );
}

const className = ({ classes }: Project, label: number | null): string =>
  label === null ? "no class" : (classes.names[label] ?? "no class");

function describe(open: Project, index: number): string {
  const image = open.images[index]!;
  const boxes = image.boxes.length === 1 ? "1 box" : `${image.boxes.length} boxes`;
  return `${image.id}, ${className(open, image.label)}, ${image.empty ? "no nodule" : boxes}`;
}

function Tile({ project: open, index }: { project: Project; index: number }) {
  const image = open.images[index]!;
  return (
    <>
      <Thumbnail project={open.name} index={index} image={image} />
      <span class="name">{image.id}</span>
      <span class={`tag ${image.label === null ? "none" : `class-${image.label % 5}`}`}>
        {className(open, image.label)}
      </span>
      {image.notes.length > 0 && (
        <span class="tag note">{image.notes.length === 1 ? "1 note" : `${image.notes.length} notes`}</span>
      )}
    </>
  );
}

function Filters({ project: open }: { project: Project }) {
  const set = (change: Partial<Filter>) => (filter.value = { ...filter.value, ...change });
  const { text, label, status, problems } = filter.value;
  return (
    <form class="filters" role="search" onSubmit={(event) => event.preventDefault()}>
      <label>
        Search
        <input type="search" value={text} onInput={(event) => set({ text: event.currentTarget.value })} />
      </label>
      <label>
        Class
        <select
          value={label === undefined ? "" : String(label)}
          onChange={({ currentTarget: { value } }) =>
            set({ label: value === "" ? undefined : value === "null" ? null : Number(value) })
          }
        >
          <option value="">all</option>
          {open.classes.names.map((name, i) => (
            <option key={name} value={String(i)}>
              {name}
            </option>
          ))}
          <option value="null">no class</option>
        </select>
      </label>
      <label>
        State
        <select
          value={status ?? ""}
          onChange={({ currentTarget: { value } }) => set({ status: value === "" ? undefined : (value as Status) })}
        >
          <option value="">all</option>
          <option>annotated</option>
          <option>no class</option>
          <option>no box</option>
        </select>
      </label>
      <label class="check">
        <input
          type="checkbox"
          checked={problems === true}
          onChange={(event) => set({ problems: event.currentTarget.checked })}
        />
        only with notes or near-duplicates
      </label>
    </form>
  );
}

/** As many as anyone reads; the rest are in the export. */
const MOST_LISTED = 200;

function LeftOut({ project: open }: { project: Project }) {
  const { left, notes, twins } = open;
  return (
    <>
      {notes.length > 0 && (
        <details>
          <summary>{notes.length === 1 ? "1 note on these images" : `${notes.length} notes on these images`}</summary>
          <ul>
            {notes.slice(0, MOST_LISTED).map((note) => (
              <li key={note}>{note}</li>
            ))}
          </ul>
        </details>
      )}
      {left.length > 0 && (
        <details>
          <summary>{left.length} files left out</summary>
          <table>
            <thead>
              <tr>
                <th scope="col">File</th>
                <th scope="col">Reason</th>
              </tr>
            </thead>
            <tbody>
              {left.slice(0, MOST_LISTED).map(({ file, reason }) => (
                <tr key={`${file} ${reason}`}>
                  <td>{file}</td>
                  <td>{reason}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </details>
      )}
      {twins.length > 0 && (
        <details>
          <summary>{twins.length} pairs of nearly the same picture</summary>
          <ul>
            {twins.slice(0, MOST_LISTED).map(([a, b]) => (
              <li key={`${a} ${b}`}>
                {a} = {b}
              </li>
            ))}
          </ul>
        </details>
      )}
    </>
  );
}
