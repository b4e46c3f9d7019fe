/** What the command line can say, as commander hands it over. */
export interface CommandOptions {
  readonly config?: string;
  readonly catalog?: string;
  readonly proxy?: string;
  readonly once?: boolean;
  readonly diff?: boolean;
  readonly json?: boolean;
  /** Whether the output is coloured; as the terminal can when absent. */
  readonly color?: boolean;
  readonly logLevel: string;
}
