/** A field whose text is the user's until the field is left. */
import { useState } from "preact/hooks";

interface Attributes {
  type: "number" | "text" | "range";
  "aria-label"?: string;
  "data-keep"?: string;
  name?: string;
  class?: string;
  step?: number | "any";
  min?: number;
  max?: number;
  maxLength?: number;
}

/**
 * What is drawn meanwhile, such as an answer of the worker's, does not replace what has been typed so far.
 * @param take what has been typed, once the field is left or Enter is pressed; where it changes nothing, the field shows `value` again
 */
export function TypedInput({
  value,
  take,
  ...rest
}: Attributes & { value: string | number; take: (input: HTMLInputElement) => void }) {
  const [typed, setTyped] = useState<string>();
  return (
    <input
      {...(rest as object)}
      value={typed ?? value}
      onInput={(event) => setTyped(event.currentTarget.value)}
      onChange={(event) => {
        setTyped(undefined);
        take(event.currentTarget);
      }}
      onBlur={() => setTyped(undefined)}
    />
  );
}
