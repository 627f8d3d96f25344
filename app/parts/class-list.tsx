/** A project's classes: added, renamed, deleted, and which of them is the positive one. */
import { useState } from "preact/hooks";
import { added, deleted, positiveIs, renamed, type ClassEdit } from "../annotate/classes.ts";
import type { Project } from "../project/project.ts";
import { messageOf } from "../state/messages.ts";
import { changeClasses } from "../state/selection.ts";
import { TypedInput } from "./typed-input.tsx";

export function ClassList({ project: { classes, images } }: { project: Project }) {
  const [name, setName] = useState("");
  const [fault, setFault] = useState<string>();
  /** The class that is to be deleted though images have it. */
  const [asked, setAsked] = useState<number>();
  const { names, positive } = classes;
  const edit = async (make: () => ClassEdit) => {
    setAsked(undefined);
    try {
      const made = make();
      setFault(undefined);
      await changeClasses(made);
    } catch (error) {
      setFault(messageOf(error));
    }
  };
  const counts = names.map((_, i) => images.filter(({ label }) => label === i).length);
  return (
    <details>
      <summary>Classes: {names.join(", ")}</summary>
      <table class="classes">
        <thead>
          <tr>
            <th scope="col">Class</th>
            <th scope="col">Images</th>
            <th scope="col">Positive</th>
            <th scope="col">
              <span class="hidden">Delete</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {names.map((old, i) => (
            <tr key={`${i} ${old}`}>
              <td>
                <TypedInput
                  type="text"
                  aria-label={`Name of class ${i + 1}`}
                  maxLength={60}
                  value={old}
                  take={(input) => {
                    const written = input.value;
                    input.value = old; // Until it is accepted.
                    if (written.trim() !== old) void edit(() => renamed(classes, i, written));
                  }}
                />
              </td>
              <td>{counts[i]}</td>
              <td>
                <input
                  type="radio"
                  name="positive"
                  aria-label={`${old} is the positive class`}
                  checked={i === positive}
                  onChange={() => void edit(() => positiveIs(classes, i))}
                />
              </td>
              <td>
                {asked === i ? (
                  <button class="bad" onClick={() => void edit(() => deleted(classes, i))}>
                    Delete it: {counts[i] === 1 ? "1 image then has" : `${counts[i]!} images then have`} no class
                  </button>
                ) : (
                  <button
                    aria-label={`Delete ${old}`}
                    onClick={() => (counts[i] === 0 ? void edit(() => deleted(classes, i)) : setAsked(i))}
                  >
                    Delete{counts[i] === 0 ? "" : "…"}
                  </button>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      <form
        class="joined"
        onSubmit={(event) => {
          event.preventDefault();
          if (name.trim() === "") return;
          void edit(() => added(classes, name));
          setName("");
        }}
      >
        <label>
          New class
          <input type="text" maxLength={60} value={name} onInput={(event) => setName(event.currentTarget.value)} />
        </label>
        <button>Add</button>
      </form>
      {fault !== undefined && (
        <p class="fault" role="alert">
          {fault}
        </p>
      )}
      <p class="small dim">
        The keys 1 to 9 set them in this order. Sensitivity, precision and the like are of the positive class.
      </p>
    </details>
  );
}
