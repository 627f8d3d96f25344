/** No adapter is available; the message is for the user at the terminal and says what to do. */
export class LaunchError extends Error {
  /** @param {string} message */
  constructor(message) {
    super(message);
    this.name = "LaunchError";
  }
}
