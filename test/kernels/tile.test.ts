import { describe, expect, test } from "vitest";
import { columnsPerLane, rowsOfTeam, teamOf } from "../../src/kernels/tile.ts";

describe("tiles of the subgroup variants", () => {
  test.each([
    [64, 4],
    [6, 2],
    [1, 1],
    [35, 1],
  ])("%i columns: %i a lane", (columns, lane) => expect(columnsPerLane(columns)).toBe(lane));

  test.each([
    { columns: 64, subgroup: 8, team: 8 },
    { columns: 16, subgroup: 8, team: 4 },
    { columns: 12, subgroup: 8, team: 4 },
    { columns: 4, subgroup: 8, team: 1 },
    { columns: 16, subgroup: 32, team: 4 },
    { columns: 512, subgroup: 32, team: 32 },
  ])("$columns columns in vectors of four on $subgroup lanes: teams of $team", ({ columns, subgroup, team }) => {
    expect(teamOf(columns, 4, subgroup)).toBe(team);
  });

  test("few rows get low tiles, many rows of a large product high ones", () => {
    expect(rowsOfTeam(8, 8, 1, 4, 1e9)).toBe(8);
    expect(rowsOfTeam(3136, 8, 1, 4, 1e9)).toBe(32);
    expect(rowsOfTeam(3136, 8, 1, 4, 1e6)).toBe(16);
  });

  test("every height is a multiple of the team", () => {
    for (const team of [1, 2, 4, 8, 16, 32]) {
      for (let rows = 1; rows < 200; rows += 7) expect(rowsOfTeam(rows, team, 2, 4, 1e9) % team).toBe(0);
    }
  });
});
