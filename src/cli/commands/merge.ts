/** `mganet merge`: puts the shards of `predict --shard` together. */
import { mergeShards } from "../../node/prediction-results.ts";
import { LINES, SUMMARY, TABLE } from "../../node/prediction-folder.ts";
import { InputError } from "../../runs/store.ts";
import { showCounts } from "../predict-report.ts";
import { visibleName } from "../terminal.ts";

export async function merge(folders: readonly string[], options: { out?: string }): Promise<void> {
  if (folders.length > 1 && options.out === undefined) {
    throw new InputError("--out: say where the results of several folders go");
  }
  const { out, shards, job, counts } = await mergeShards(folders, options.out ?? folders[0]!, console.log);
  console.log(`${shards} shards of ${job.images.count} images`);
  for (const line of showCounts(counts)) console.log(visibleName(line));
  console.log(visibleName(`Written to ${out}: ${LINES}, ${TABLE} and ${SUMMARY}`));
}
