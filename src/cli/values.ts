/** Parses option texts to values. Invalid ones are refused here, with the option's name. */
import { InvalidArgumentError } from "commander";
import { usefulFeatures, type UsefulFeature } from "../gpu/capabilities.ts";
import { thresholdRules, type ThresholdRule } from "../metrics/threshold.ts";
import { inOrder, studyNames, tableNumbers, type TableId } from "../study/rows.ts";

/** A decimal number. The configuration's schema checks its range. */
export function number(text: string): number {
  const value = Number(text);
  if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) || !Number.isFinite(value)) {
    throw new InvalidArgumentError("It is not a number.");
  }
  return value;
}

/** A positive whole number. */
export function count(text: string): number {
  const value = number(text);
  if (!Number.isSafeInteger(value) || value < 1) throw new InvalidArgumentError("It is not a positive whole number.");
  return value;
}

/** "10m", "30s", "1h": a duration in seconds; 0 or off: none. */
export function duration(text: string): number {
  if (text === "0" || text === "off") return 0;
  const match = /^(\d+(?:\.\d+)?)(s|m|h)$/.exec(text);
  const seconds = Number(match?.[1]) * { s: 1, m: 60, h: 3600 }[match?.[2] ?? "s"]!;
  if (!match || !(seconds > 0)) throw new InvalidArgumentError("It is not a time such as 30s, 10m or 1h, nor off.");
  return seconds;
}

/** "3", "3,4" or "all": the paper's tables. */
export function tableList(text: string): TableId[] {
  if (text === "all") return tableNumbers;
  const ids = text.split(",").map((part) => {
    const found = tableNumbers.find((n) => String(n) === part.trim());
    if (found === undefined) {
      throw new InvalidArgumentError(`It is not one of ${tableNumbers.join(", ")}, a list of them, or all.`);
    }
    return found;
  });
  return inOrder(ids);
}

/** "masks" or "masks,classes": studies of open questions. */
export function studyList(text: string): TableId[] {
  const ids = text.split(",").map((part) => {
    const found = studyNames.find((name) => name === part.trim());
    if (found === undefined)
      throw new InvalidArgumentError(`It is not one of ${studyNames.join(", ")}, or a list of them.`);
    return found;
  });
  return inOrder(ids);
}

/** "0.5", or the name of a rule that chooses the threshold. */
export function threshold(text: string): number | ThresholdRule {
  const rule = thresholdRules.find((name) => name === text);
  if (rule) return rule;
  const value = Number(text);
  if (text.trim() === "" || !(value >= 0 && value <= 1)) {
    throw new InvalidArgumentError(`It is neither a probability nor one of ${thresholdRules.join(", ")}.`);
  }
  return value;
}

/** "subgroups,timestamp-query": optional WebGPU features that kernels use. */
export function features(text: string): UsefulFeature[] {
  return text.split(",").map((part) => {
    const feature = usefulFeatures.find((name) => name === part.trim());
    if (!feature) throw new InvalidArgumentError(`It is not a list of ${usefulFeatures.join(", ")}.`);
    return feature;
  });
}

/** A path or a name: not empty, and not something that looks like the next option. */
export function text(value: string): string {
  if (value.trim() === "") throw new InvalidArgumentError("It is empty.");
  if (value.startsWith("-")) throw new InvalidArgumentError("It looks like an option; write ./ before such a name.");
  return value;
}

/** The same for a list of names. */
export const texts = (value: string, before: readonly string[] = []): string[] => [...before, text(value)];

/** Options of another program, as one text: they begin with a dash. */
export function passedOn(value: string): string {
  if (value.trim() === "") throw new InvalidArgumentError("It is empty.");
  return value;
}
