/** What a user asks of a study: its tables, and the settings that its runs share. */
import { phantomClasses } from "../data/phantom/labels.ts";
import { isPhantom, PHANTOM, phantomNames } from "../data/phantom/scanner.ts";
import { ConfigError } from "../models/config-error.ts";
import { requireComparable } from "../study/plan.ts";
import { inOrder, rowOf, tableIds, tableOf, type TableId } from "../study/rows.ts";
import type { TrainConfig } from "../train/config.ts";
import { configOf, type ConfigFlags } from "./settings.ts";

export type StudyFlags = ConfigFlags & { table?: TableId[]; study?: TableId[] };

export interface StudyAsked {
  tables: TableId[];
  config: TrainConfig;
  /** What was decided for the user, one line each. */
  notes: string[];
}

const onlyExternal = (id: TableId): boolean => tableOf(id).sides?.every((side) => side === "external") ?? false;
const withoutExternal = (id: TableId): boolean => tableOf(id).sides?.every((side) => side !== "external") ?? false;
const sameRows = (a: TableId, b: TableId): boolean => tableOf(a).rows.join() === tableOf(b).rows.join();

/** @throws ConfigError for options that do not go together */
export function studyAsked(flags: StudyFlags): StudyAsked {
  let tables = inOrder([...(flags.table ?? []), ...(flags.study ?? [])]);
  if (tables.length === 0) throw new ConfigError("name the tables, such as --table 3 or --table all, or a --study");
  requireShared(flags, tables);
  const notes: string[] = [];
  const chosen = onPhantom(flags, tables, notes);
  const config = configOf({ ...flags, ...chosen, seed: 0, splitSeed: flags.splitSeed ?? 0 }, { study: true });
  requireComparable(config);
  const external = tables.filter(onlyExternal);
  if (config.external === "" && external.length > 0) {
    const need = `--table ${external.join(",")} needs external images: --external DIR`;
    // Whoever asks for all tables gets those that the images allow.
    if (!tableIds.every((id) => typeof id === "string" || tables.includes(id))) throw new ConfigError(need);
    notes.push(`Table ${external.join(", ")} is left out: it needs external images, --external DIR`);
    tables = tables.filter((id) => !onlyExternal(id));
  }
  if (config.external !== "") {
    // A table of held-out images has its other half among those of external ones, of the same runs.
    const halves = tableIds.filter(
      (id) => onlyExternal(id) && tables.some((other) => withoutExternal(other) && sameRows(id, other)),
    );
    tables = inOrder([...tables, ...halves]);
  }
  return { tables, config, notes };
}

/** What the phantom has for tables that need more than its own images and two classes. */
function onPhantom(flags: StudyFlags, tables: readonly TableId[], notes: string[]): Partial<ConfigFlags> {
  const { data = PHANTOM } = flags;
  if (!isPhantom(data)) return {};
  const chosen: { external?: string; target?: "kind" } = {};
  const external = tables.filter(onlyExternal);
  if (external.length > 0 && flags.external === undefined) {
    chosen.external = phantomNames.find((name) => name !== data)!;
    notes.push(`Table ${external.join(", ")}: external images are of ${chosen.external}; --external DIR takes others`);
  }
  if (tables.every((id) => tableOf(id).manyClasses) && flags.target === undefined && flags.classes === undefined) {
    chosen.target = "kind";
    notes.push(`Classes: ${phantomClasses(chosen.target).names.join(", ")} (--target ${chosen.target})`);
  }
  return chosen;
}

/** @throws ConfigError for an option that the rows of a table decide */
function requireShared(flags: StudyFlags, tables: readonly TableId[]): void {
  for (const id of tables) {
    const decided = tableOf(id).rows.flatMap((row) => Object.keys(rowOf(row).settings));
    const name = decided.find((setting) => flags[setting] !== undefined);
    if (name === undefined) continue;
    const option = typeof id === "number" ? `--table ${id}` : `--study ${id}`;
    throw new ConfigError(`has no effect with ${option}, whose rows decide it`, name);
  }
}
