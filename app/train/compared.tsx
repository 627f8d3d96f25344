/** Several runs beside each other: the settings in which they differ, their last figures, and their curves. */
import { Curve } from "../parts/curve.tsx";
import type { RunInfo } from "../worker/run-list.ts";
import { differences } from "./differences.ts";
import { FIGURES, lastFigures, lineOf } from "./figures.ts";
import { labelOf } from "./labels.ts";

export function Compared({ runs }: { runs: readonly RunInfo[] }) {
  return (
    <>
      {runs.length > 1 && <Table runs={runs} />}
      <div class="curves">
        {FIGURES.map(([key, title]) => (
          <Curve
            key={key}
            title={`${title} of held-out images`}
            x="epoch"
            range={[0, 1]}
            lines={runs.flatMap(({ name, records }) => lineOf(name, key, records))}
          />
        ))}
      </div>
    </>
  );
}

function Table({ runs }: { runs: readonly RunInfo[] }) {
  const settings = differences(runs.map(({ config }) => config));
  const figures = runs.map(({ records }) => lastFigures(records));
  return (
    <>
      <h3>Compared</h3>
      <div class="scroll" tabIndex={0} role="region" aria-label="Compared runs">
        <table>
          <thead>
            <tr>
              <th scope="col">Setting</th>
              {runs.map(({ name }) => (
                <th key={name} scope="col">
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {settings.map(({ name, values }) => (
              <tr key={name}>
                <th scope="row">{labelOf(name)}</th>
                {values.map((value, i) => (
                  <td key={runs[i]!.name}>{value}</td>
                ))}
              </tr>
            ))}
            {settings.length === 0 && (
              <tr>
                <th scope="row">Settings</th>
                <td colSpan={runs.length}>all the same</td>
              </tr>
            )}
            {FIGURES.map(([key, title]) => (
              <tr key={key}>
                <th scope="row">{title}, last epoch evaluated</th>
                {figures.map((figure, i) => (
                  <td key={runs[i]!.name}>{figure[key]?.toFixed(3)}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}
