/** What was noticed when a project's images were read: notes, files left out, and pairs of nearly the same picture. */
import type { Project } from "../project/project.ts";
import { LeftOutTable, MOST_LISTED } from "./left-out-table.tsx";

export function LeftOut({ project: open }: { project: Project }) {
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
          <LeftOutTable left={left} />
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
