/** `--shard`: "3/64", or "slurm" and "slurm/64" for the task of an array job. */
import { InvalidArgumentError } from "commander";
import { parseShard, type Shard, slurmShard } from "../runs/shard.ts";

/** @throws InvalidArgumentError */
export function shard(text: string): Shard {
  try {
    const slurm = /^slurm(?:\/(\d{1,6}))?$/.exec(text);
    if (!slurm) return parseShard(text);
    return slurmShard(process.env, slurm[1] === undefined ? undefined : Number(slurm[1]));
  } catch (error) {
    throw error instanceof RangeError ? new InvalidArgumentError(error.message) : error;
  }
}
