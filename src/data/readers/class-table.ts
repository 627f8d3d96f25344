/** Parses a table of classes or TI-RADS grades beside images: `id,label`, `image_name;pathology`, TN-SCUI's `ID,CATE`, .. */
import { DataError, type Label, reasonOf } from "../sample.ts";
import { BinaryWords, type ClassWords } from "./class-words.ts";
import { parseTable } from "./table.ts";

export interface ClassRow {
  line: number;
  /** As written: with or without folder and extension. */
  image: string;
  label: Label;
  patient: string | undefined;
}

export interface ClassTable {
  rows: ClassRow[];
  notes: string[];
}

const IMAGE = [
  "id",
  "image",
  "imageid",
  "imagename",
  "imagefile",
  "img",
  "imgid",
  "imgname",
  "file",
  "filename",
  "name",
];
/** Used if none of the names above is a column. */
const IMAGE_PATH = ["path", "imagepath", "imgpath", "filepath", "imagefilepath", "imagefilename"];
const CLASS = [
  ...["label", "class", "classname", "classlabel", "cate", "category", "pathology", "diagnosis", "histology", "target"],
  ...["malignancy", "malignant", "benignmalignant", "histopathdiagnosis", "type", "y", "groundtruth"],
];
const TIRADS = [
  ...["tirads", "acrtirads", "eutirads", "ktirads", "kwaktirads", "tiradsscore", "tiradsgrade", "tiradscategory"],
  ...["tiradslevel", "tr", "trlevel"],
];
const PATIENT = ["patient", "patientid", "case", "caseid", "subject", "subjectid"];

/** The form in which column names are compared: letters only, in lower case. */
const plain = (name: string) => name.toLowerCase().replace(/[^a-z]/g, "");

/**
 * The classes of a table. Of several candidate class columns, those count in which every cell is a class; if they contradict
 * each other the table is refused.
 *
 * @param bad called for each unusable row
 * @param words recognises the classes
 * @throws DataError if it is no table, or its columns do not show which is the image and which the class
 */
export function parseClassTable(
  text: string,
  bad: (line: number, reason: string) => void,
  words: ClassWords = new BinaryWords(),
): ClassTable {
  const [head, ...rest] = parseTable(text);
  if (!head) throw new DataError("is empty");
  if (isHeadless(head.cells, words)) {
    const places = { image: 0, classes: [1], words };
    return { rows: [head, ...rest].flatMap((row) => readRow(row, places, 2, bad)), notes: [] };
  }
  const columns = head.cells;
  const among = (names: readonly string[]) => columns.flatMap((name, i) => (names.includes(plain(name)) ? [i] : []));
  const quoted = (indices: readonly number[]) => indices.map((i) => `"${columns[i]!.slice(0, 40)}"`).join(", ");
  const all = quoted(columns.map((_, i) => i).slice(0, 12));
  const image = among(IMAGE).length > 0 ? among(IMAGE) : among(IMAGE_PATH);
  if (image.length === 0) throw new DataError(`has no column that names images, such as "image" or "id", among ${all}`);
  if (image.length > 1) throw new DataError(`has several columns that may name the image: ${quoted(image)}`);
  const patient = among(PATIENT);
  if (patient.length > 1) throw new DataError(`has several columns that may name the patient: ${quoted(patient)}`);
  const grades = words.target === "tirads";
  const named = among(grades ? TIRADS : CLASS);
  if (named.length === 0) {
    const what = grades ? 'TI-RADS grades, such as "tirads"' : 'the class, such as "label" or "pathology"';
    throw new DataError(`has no column for ${what}, among ${all}`);
  }
  const isClass = (cell: string) => cell === "" || words.knows(cell);
  const whole = named.filter((i) => rest.every(({ cells }) => isClass(cells[i] ?? "")));
  // The user's classes may be a subset of the column's: take the only column that has any of them.
  const some = whole.length > 0 ? whole : named.filter((i) => rest.some(({ cells }) => words.knows(cells[i] ?? "")));
  const classes =
    named.length === 1
      ? named
      : words.names.length > 0 && !(words instanceof BinaryWords) && some.length === 1
        ? some
        : whole;
  if (classes.length === 0) {
    throw new DataError(`has several columns that may be the class, each with cells that are none: ${quoted(named)}`);
  }
  const torn =
    classes.length > 1 &&
    rest.find(
      ({ cells }) =>
        new Set(
          classes
            .map((i) => cells[i] ?? "")
            .filter((cell) => cell !== "")
            .map((cell) => words.cell(cell)),
        ).size > 1,
    );
  if (torn) throw new DataError(`has several class columns that differ in line ${torn.line}: ${quoted(classes)}`);
  const read = new Set([...image, ...patient, ...classes]);
  const others = columns.flatMap((_, i) => (read.has(i) ? [] : [i]));
  const notes = [`the class is the column ${quoted(classes.slice(0, 1))}`];
  if (patient.length > 0) notes.push(`the patient is the column ${quoted(patient)}`);
  if (others.length > 0) notes.push(`ignored columns: ${quoted(others.slice(0, 12))}`);
  const places = { image: image[0]!, classes, patient: patient[0], words };
  return { rows: rest.flatMap((row) => readRow(row, places, columns.length, bad)), notes };
}

function readRow(
  { line, cells }: { line: number; cells: readonly string[] },
  {
    image,
    classes,
    patient,
    words,
  }: { image: number; classes: readonly number[]; patient?: number | undefined; words: ClassWords },
  width: number,
  bad: (line: number, reason: string) => void,
): ClassRow[] {
  if (cells.every((cell) => cell === "")) return [];
  const name = cells[image] ?? "";
  const fault = (reason: string): [] => {
    bad(line, reason);
    return [];
  };
  if (cells.length !== width) return fault(`has ${cells.length} cells, but there are ${width} columns`);
  if (name === "") return fault("names no image");
  let label: Label;
  try {
    const filled = classes.map((i) => cells[i]!).filter((cell) => cell !== "");
    [label] = filled.map((cell) => words.cell(cell));
  } catch (error) {
    return fault(reasonOf(error));
  }
  const who = patient === undefined ? "" : cells[patient]!;
  return [{ line, image: name, label, patient: who === "" ? undefined : who }];
}

/** Whether the table has no header, like TN3K's: `0000.jpg,1`. */
const isHeadless = (cells: readonly string[], words: ClassWords) =>
  cells.length === 2 && /\.\w{3,5}$/.test(cells[0]!) && words.knows(cells[1]!);
