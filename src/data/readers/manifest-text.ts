/** Parses a manifest's text, CSV or JSON, into unchecked rows. */
import * as z from "zod";
import { DataError, reasonOf } from "../sample.ts";
import { parseNamedTable } from "./table.ts";
import { decimal } from "./values.ts";

export type Bad = (line: number, reason: string) => void;

export interface RawManifest {
  columns: Set<string>;
  rows: { line: number; value: unknown }[];
}

/** @param known the columns to read */
export function readCsv(content: string, known: readonly string[], bad: Bad): RawManifest {
  const { columns, rows } = parseNamedTable(content, ["image"], bad);
  const result: RawManifest = { columns: new Set(columns), rows: [] };
  for (const { line, cell } of rows) {
    const value: Record<string, unknown> = Object.fromEntries(known.map((name) => [name, cell(name)]));
    try {
      for (const name of ["boxes", "boxes_xywh"]) value[name] = parseBoxes(cell(name) ?? "");
      value["mask"] = cell("mask") === "" ? undefined : cell("mask")?.split(/\s*;\s*/);
      result.rows.push({ line, value });
    } catch (error) {
      bad(line, reasonOf(error));
    }
  }
  return result;
}

const four = z.tuple([decimal, decimal, decimal, decimal]);

/** Four numbers per box, with semicolons between boxes, or the same as JSON. */
export function parseBoxes(written: string): unknown {
  if (written.startsWith("[")) {
    try {
      return JSON.parse(written);
    } catch (error) {
      throw new DataError(`has boxes that are not JSON: ${reasonOf(error)}`);
    }
  }
  return written
    .split(";")
    .filter((box) => box.trim() !== "")
    .map((box) => {
      const numbers = box.trim().split(/\s*,\s*|\s+/);
      const result = four.safeParse(numbers);
      if (result.success) return result.data;
      // 50,5 40,25 140,0 100,75: decimal commas.
      const commas = /^(?:[+-]?\d+(?:,\d+)?\s+){3}[+-]?\d+(?:,\d+)?$/.test(box.trim()) && box.includes(",");
      const why = box.includes("%")
        ? "in percent: pixels are needed"
        : commas
          ? "not four numbers: decimals are written with a point"
          : "not x0 y0 x1 y1";
      throw new DataError(`has the box "${box.trim().slice(0, 60)}", which is ${why}`);
    });
}

/** JSON lines, or one JSON array of the same objects. */
export function readJson(content: string, bad: Bad): RawManifest {
  const text = content.replace(/^\ufeff/, "");
  const result: RawManifest = { columns: new Set(), rows: [] };
  const add = (line: number, value: unknown) => {
    if (typeof value === "object" && value) for (const name of Object.keys(value)) result.columns.add(name);
    result.rows.push({ line, value });
  };
  if (text.trimStart().startsWith("[")) {
    let items: unknown;
    try {
      items = JSON.parse(text);
    } catch (error) {
      throw new DataError(`is not JSON: ${reasonOf(error)}`);
    }
    const lines = linesOfItems(text);
    (items as unknown[]).forEach((item, i) => add(lines[i]!, item));
    return result;
  }
  const whole = oneObject(text);
  if (whole) {
    const keys = Object.keys(whole)
      .slice(0, 5)
      .map((name) => `"${name.slice(0, 40)}"`);
    throw new DataError(
      `is one JSON object, of ${keys.join(", ")}: one object per image is needed, one per line or in a list`,
    );
  }
  text.split(/\r\n|\r|\n/).forEach((line, i) => {
    if (line.trim() === "") return;
    let value: unknown;
    try {
      // Lines of an array written one item per line end in a comma.
      value = JSON.parse(line.trim().replace(/,$/, ""));
    } catch (error) {
      bad(i + 1, `is not JSON: ${reasonOf(error)}`);
      return;
    }
    add(i + 1, value);
  });
  return result;
}

/** An object that is the whole text but not a row; undefined for anything else. */
function oneObject(text: string): object | undefined {
  if (!/^\s*\{\s*(?:[\r\n]|"(?!image"))/.test(text)) return undefined;
  try {
    const value = JSON.parse(text) as unknown;
    return typeof value === "object" && value !== null && !("image" in value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** The line on which each item of a well-formed JSON array begins, from 1. */
function linesOfItems(text: string): number[] {
  const lines: number[] = [];
  let [line, depth, fresh] = [1, 0, true];
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"|\r\n|[\r\n]|[[\]{},]|[^\s"[\]{},]+/g)) {
    if (/^[\r\n]/.test(token)) {
      line++;
      continue;
    }
    if (depth === 1 && fresh && token !== "," && token !== "]") {
      lines.push(line);
      fresh = false;
    }
    if (token === "[" || token === "{") depth++;
    else if (token === "]" || token === "}") depth--;
    else if (token === "," && depth === 1) fresh = true;
  }
  return lines;
}
