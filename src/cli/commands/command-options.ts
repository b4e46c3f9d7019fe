/** Options of the commands that read a config, as commander passes them. */
export interface CommandOptions {
  readonly config?: string;
  readonly catalog?: string;
  readonly proxy?: string;
  readonly once?: boolean;
  readonly diff?: boolean;
  readonly json?: boolean;
  /** Whether the output is coloured; by default when the terminal has colours. */
  readonly color?: boolean;
  readonly logLevel: string;
}
