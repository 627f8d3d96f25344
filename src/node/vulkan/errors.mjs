/** No adapter can be had; the message is for the person at the terminal and says what to do. */
export class LaunchError extends Error {
  /** @param {string} message */
  constructor(message) {
    super(message);
    this.name = "LaunchError";
  }
}
