/** Eight processes race for the 60 runs of a study, 200 times, while one of them is killed each time. */
import { studyRace } from "./study-race.ts";

const rounds = Number(process.argv[2] ?? 200);
const { double, together, missing, unrecorded, takenOver } = await studyRace(rounds);
console.log(
  `${rounds} rounds of 60 runs by 8 processes, one killed in each: ${double} runs done twice, ${together} by two at once, ${missing} not finished, ${unrecorded} not recorded; ${takenOver} taken over from a killed process`,
);
if (double + together + missing + unrecorded > 0) process.exitCode = 1;
