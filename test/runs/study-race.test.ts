/** Processes that work on one study; test/soak/study.ts has the long version. */
import { expect, test } from "vitest";
import { studyRace } from "../soak/study-race.ts";
import { slow } from "../support/selection.ts";

test("of eight processes that race for 60 runs each run is done once, though one is killed", slow, async () => {
  const { takenOver, ...rest } = await studyRace(2);
  expect(rest).toEqual({ rounds: 2, double: 0, together: 0, missing: 0, unrecorded: 0 });
  expect(takenOver).toBeLessThanOrEqual(4);
});
