/**
 * A share of a set of images for one of several processes, by place in the sorted list: shard 3 of 64 has the images 2, 66, 130, ..
 *
 * By place rather than by a hash of the name: shares then differ by one image at most, and there is no set to which images are
 * added, for which a hash would keep shares: the list is part of what a shard is (prediction-job.ts). Every n-th rather than n stretches: neighbours
 * in a sorted list are of one patient, scanner or film, so stretches would differ in what they cost.
 */
export interface Shard {
  /** From 1. */
  index: number;
  of: number;
}

const MOST_SHARDS = 100_000;

/** "3/64". @throws RangeError with what is wrong */
export function parseShard(text: string): Shard {
  const match = /^(\d{1,9})\/(\d{1,9})$/.exec(text);
  if (!match) throw new RangeError("It is not a shard such as 3/64.");
  const [index, of] = [Number(match[1]), Number(match[2])];
  if (of < 1 || of > MOST_SHARDS) throw new RangeError(`There are 1 to ${MOST_SHARDS} shards, not ${of}.`);
  if (index < 1 || index > of)
    throw new RangeError(`Of ${of} shards, the first is 1 and the last ${of}: not ${index}.`);
  return { index, of };
}

export const showShard = ({ index, of }: Shard): string => `${index}/${of}`;

/** The number of a shard's images, of `images` in all. */
export const sizeOfShard = ({ index, of }: Shard, images: number): number =>
  Math.max(0, Math.ceil((images - (index - 1)) / of));

/** The place in the whole list of a shard's k-th image, both from 0. */
export const placeOf = ({ index, of }: Shard, k: number): number => index - 1 + k * of;

/** Slurm's variables for a task of an array job. */
export type ArrayVariables = Readonly<
  Partial<Record<`SLURM_ARRAY_TASK_${"ID" | "MIN" | "MAX" | "STEP" | "COUNT"}`, string>>
>;

/**
 * The shard of this task of a Slurm array: of `of` shards the one with the task's number, else of as many as the array has tasks.
 * @throws RangeError if the variables do not say which one that is
 */
export function slurmShard(variables: ArrayVariables, of?: number): Shard {
  const value = (name: "ID" | "MIN" | "MAX" | "STEP" | "COUNT") => {
    const text = variables[`SLURM_ARRAY_TASK_${name}`] ?? "";
    return /^\d{1,9}$/.test(text) ? Number(text) : undefined;
  };
  const id = value("ID");
  if (id === undefined) throw new RangeError("SLURM_ARRAY_TASK_ID is not set: this is no task of an array job.");
  if (of !== undefined) return parseShard(`${id}/${of}`);
  const [min, max, count, step = 1] = [value("MIN"), value("MAX"), value("COUNT"), value("STEP")];
  if (count === undefined)
    throw new RangeError(`SLURM_ARRAY_TASK_COUNT is not set: say how many shards there are, as in slurm/64.`);
  // Of --array=7 or 3,9, which repeats some tasks of another array, the count says nothing about the number of shards.
  if (min !== 1 || max !== count || step !== 1) {
    throw new RangeError(
      `The array's tasks are not 1 to ${count}: number them so, as in sbatch --array=1-${count}, or say how many shards there are, as in slurm/64.`,
    );
  }
  return parseShard(`${id}/${count}`);
}
