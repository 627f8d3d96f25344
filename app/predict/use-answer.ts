import { useEffect, useState } from "preact/hooks";
import { askFor, type Question, type Reply } from "../state/answers.ts";

/** A model's reply to a question; undefined without one. @param key changes with the question */
export function useAnswer(key: string, question: Question | undefined): Reply | undefined {
  const [found, setFound] = useState<{ key: string; reply: Reply }>();
  useEffect(() => {
    if (!question) return;
    const { reply, withdraw } = askFor(question);
    const unsubscribe = reply.subscribe((value) => setFound({ key, reply: value }));
    return () => {
      unsubscribe();
      withdraw();
    };
  }, [key, question === undefined]);
  if (!question) return undefined;
  return found?.key === key ? found.reply : { kind: "waiting" };
}
