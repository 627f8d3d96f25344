/** `node --import tsx test/soak/lock.ts [ROUNDS]`: four processes race for one folder. Exit code 1 if two ever had it at once. */
import { race, stale, type Stale } from "./lock-race.ts";

const rounds = Number(process.argv[2] ?? 2000);
const kinds = (Object.keys(stale) as Stale[]).filter((kind) => kind !== "none");
let bad = 0;
for (const [name, run] of [
  ["no lock before", () => race(["none"], { rounds })],
  [`a stale lock before (${kinds.join(", ")})`, () => race(kinds, { rounds })],
  ["a stale lock, one contender killed", () => race(kinds, { rounds: Math.ceil(rounds / 10), kill: true })],
] as const) {
  const begun = performance.now();
  const { rounds, double, nobody, leftovers } = await run();
  const seconds = ((performance.now() - begun) / 1000).toFixed(0);
  console.log(
    `${name}: ${rounds} rounds, ${double} with two holders, ${nobody} without one, ${leftovers} left something; ${seconds} s`,
  );
  bad += double + nobody + leftovers;
}
process.exitCode = bad === 0 ? 0 : 1;
