/** A real proxy that serves outputs. */
export interface ServedOutputs {
  /** The real port of the port that the template names, or of its first one when `wanted` is absent. */
  port(wanted: number | undefined): number | undefined;
  stop(): Promise<void>;
}
