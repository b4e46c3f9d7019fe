/**
 * What a running Fairlead listens to. SIGQUIT is what images made for nginx are stopped with. SIGUSR1 is taken as
 * Node would start its debugger at it.
 */
export const SIGNALS = ["SIGTERM", "SIGINT", "SIGQUIT", "SIGHUP", "SIGUSR1"] as const;

export type SignalName = (typeof SIGNALS)[number];
