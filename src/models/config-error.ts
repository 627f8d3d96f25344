/** An invalid setting. The message is one line: "batch: must be at least 2". */
export class ConfigError extends Error {
  override name = "ConfigError";
  readonly reason: string;
  /** Its path in the configuration, such as "epochs.joint"; undefined if several settings conflict. */
  readonly setting: string | undefined;

  constructor(reason: string, setting?: string) {
    super(setting === undefined ? reason : `${setting}: ${reason}`);
    this.reason = reason;
    this.setting = setting;
  }
}
