/** What was noticed when a project's images were read: notes, files left out, and pairs of nearly the same picture. */
import type { Project } from "../project/project.ts";

/** As many as anyone reads; the rest are in the export. */
const MOST_LISTED = 200;

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
