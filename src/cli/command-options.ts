/** What the command line can say, as commander hands it over. */
export interface CommandOptions {
  readonly config?: string;
  readonly catalog?: string;
  readonly proxy?: string;
  readonly once?: boolean;
  readonly diff?: boolean;
  readonly logLevel: string;
}
