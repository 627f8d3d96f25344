/** Short notes in the browser's storage. Where it is refused, as in some private windows, they are simply not kept. */

/** "tab": until the tab is closed; "browser": for good. */
type Where = "tab" | "browser";

// Where storage is refused, even asking for it throws.
const areaOf = (where: Where): Storage => (where === "tab" ? sessionStorage : localStorage);

/** @param text undefined: forget it */
export function keep(where: Where, name: string, text: string | undefined): void {
  try {
    if (text === undefined) areaOf(where).removeItem(name);
    else areaOf(where).setItem(name, text);
  } catch {
    // Full or refused.
  }
}

/** Undefined if there is none. */
export function kept(where: Where, name: string): string | undefined {
  try {
    return areaOf(where).getItem(name) ?? undefined;
  } catch {
    return undefined;
  }
}
