/**
 * Teams: the lanes of a subgroup in groups of equal, power-of-two size. Within a team each lane holds different columns of a
 * result, and each team has its own rows, so that even a result with few columns keeps all lanes busy.
 */
import { unroll } from "./vec.ts";

interface Teams {
  subgroup: number;
  /** Lanes of a team. */
  team: number;
}

/** WGSL that sets, from the lane's index `lane`: the team's number, the lane's within it, and the team's first lane. */
export const teamHead = (team: number): string => `
  let team = lane / ${team}u;
  let member = lane % ${team}u;
  let captain = lane - member;`;

/** The value of `expression` at lane `member` of the lane's own team. */
export function fromTeam(expression: string, member: number, { subgroup, team }: Teams): string {
  if (team === 1) return expression;
  return team === subgroup
    ? `subgroupBroadcast(${expression}, ${member}u)`
    : `subgroupShuffle(${expression}, captain + ${member}u)`;
}

/** WGSL that adds a variable over all teams, in a fixed order: every lane ends up with the sum over the lanes of its number. */
export const addTeams = (name: string, { subgroup, team }: Teams): string =>
  unroll(Math.log2(subgroup / team), (i) => `  ${name} += subgroupShuffleXor(${name}, ${team << i}u);`);
