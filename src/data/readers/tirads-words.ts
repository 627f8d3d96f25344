/** Recognises TI-RADS grades in place of classes. */
import { DataError, type Label } from "../sample.ts";
import { type FolderClass, NamedWords } from "./class-words.ts";
import { noduleOf } from "./words.ts";

/** 4a, TR4, TI-RADS 4a, ACR-TIRADS 3, in any case. */
const GRADE = /^(?:(?:acr|eu|k|kwak)?[ _-]*(?:ti[ _-]*rads|tr)[ _-]*)?([1-6][abc]?)(?:\.0*)?$/i;

/** A TI-RADS grade in plain form, such as 4a; undefined for anything else. */
export const gradeOf = (text: string): string | undefined => GRADE.exec(text.trim())?.[1]?.toLowerCase();

/** TI-RADS grades, in ascending order once a set is read. */
export class TiradsWords extends NamedWords {
  override readonly target = "tirads";

  override cell(text: string): number {
    const grade = gradeOf(text);
    if (grade !== undefined) return super.cell(grade);
    throw new DataError(`has the TI-RADS score "${text.slice(0, 20)}", which is not known`);
  }

  override knows(text: string): boolean {
    return gradeOf(text) !== undefined;
  }

  override inText(): Label {
    return undefined;
  }

  override object(name: string): { label: Label } | undefined {
    if (gradeOf(name) !== undefined) return { label: this.cell(name) };
    return noduleOf(name, { numbers: false }) && { label: undefined };
  }

  override folder([first = ""]: readonly string[]): FolderClass | undefined {
    if (first === "normal") return { tissue: "normal", length: 1 };
    return ["benign", "malignant"].includes(first) ? { tissue: undefined, length: 1 } : undefined;
  }
}
