import { expect, test } from "vitest";
import { namedError, UPDATE_BAR } from "../../bench/equality.ts";
import { peer } from "../../bench/peers/jax-js/peer.ts";
import { expectSameSteps, sameGradients, usePair } from "./pair.ts";

const { setup, pair } = usePair(peer);

sameGradients("jax-js", pair);

test("its steps are ours", async () => {
  const { ours, theirs } = pair();
  await ours.prepare();
  await theirs.prepare();
  await expectSameSteps({ ours, theirs });
  const [expected, actual] = [await ours.state(), await theirs.state()];
  const moved = (state: ReadonlyMap<string, Float32Array>) =>
    new Map(
      [...setup.parameters]
        .filter(([, { trainable }]) => trainable)
        .map(([name, { data }]) => [name, state.get(name)!.map((value, i) => value - data[i]!)]),
    );
  expect(namedError(moved(actual), moved(expected))).toBeLessThan(UPDATE_BAR);
});
