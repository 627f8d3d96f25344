import { close, messages } from "../state/messages.ts";

/** The open messages. They are read out as they come. */
export function Messages() {
  return (
    <div class="messages" role="log" aria-label="Messages" aria-live="polite">
      {messages.value.map(({ id, text }) => (
        <div key={id} class="message">
          <span>{text}</span>
          <button aria-label={`Close: ${text}`} onClick={() => close(id)}>
            ×
          </button>
        </div>
      ))}
    </div>
  );
}
