/** What was not taken, and why. */
import type { Skipped } from "../../src/data/sample.ts";

/** As many as anyone reads; the rest are in the export. */
export const MOST_LISTED = 200;

export const LeftOutTable = ({ left }: { left: readonly Skipped[] }) => (
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
);
