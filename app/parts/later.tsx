/** Views that are loaded when they are first opened: the page's first load stays small. */
import { useEffect, useState } from "preact/hooks";
import type { JSX } from "preact";
import { messageOf } from "../state/messages.ts";

/** @param title what is shown as the heading until then */
export function later(title: string, load: () => Promise<() => JSX.Element>): () => JSX.Element {
  let found: (() => JSX.Element) | undefined;
  return function Later() {
    const [View, setView] = useState(() => found);
    const [reason, setReason] = useState<string>();
    useEffect(() => {
      if (View) return;
      load().then(
        (loaded) => {
          found = loaded;
          setView(() => loaded);
        },
        (error: unknown) => setReason(messageOf(error)),
      );
    }, []);
    if (View) return <View />;
    return (
      <>
        <h1>{title}</h1>
        {reason === undefined ? <p role="status">Opening…</p> : <p role="alert">Cannot be opened: {reason}</p>}
      </>
    );
  };
}
