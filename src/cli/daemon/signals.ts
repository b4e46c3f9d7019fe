/**
 * The signals that a running Fairlead handles. SIGQUIT is among them because containers of nginx images are stopped with
 * it, and SIGUSR1 because Node would start its debugger at it.
 */
export const SIGNALS = ["SIGTERM", "SIGINT", "SIGQUIT", "SIGHUP", "SIGUSR1"] as const;

export type SignalName = (typeof SIGNALS)[number];
