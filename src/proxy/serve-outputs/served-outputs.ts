/** A real nginx or Varnish that serves a case's outputs. */
export interface ServedOutputs {
  /** The port for what the template says is `wanted`, or for the first one. */
  port(wanted: number | undefined): number | undefined;
  stop(): Promise<void>;
}
