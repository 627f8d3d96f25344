/** Lets what else waits in a thread run: messages, such as the one that stops a training, arrive only between two tasks. */

/** Resolves in a task of its own. A timer would do too, but browsers make nested ones wait for 4 ms. */
export function giveWay(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}
