import { SIGNALS, type SignalName } from "./signals.ts";

/** The config's file was saved. */
export const CONFIG_SAVED = "config saved";

/** What a running daemon reacts to. */
export type DaemonEvent = SignalName | typeof CONFIG_SAVED;

/** The events of a daemon, in the order in which they came. */
export interface DaemonEvents {
  push(event: DaemonEvent): void;
  next(): Promise<DaemonEvent>;
  /** Leaves the signals to Node again. */
  stop(): void;
}

/** Queues every signal of the process, and what is pushed. */
export function listenForEvents(): DaemonEvents {
  const queue: DaemonEvent[] = [];
  let wake: () => void = () => undefined;
  const removers = SIGNALS.map((name) => {
    const listener = () => push(name);
    process.on(name, listener);
    return () => process.off(name, listener);
  });
  return {
    push,
    async next() {
      for (;;) {
        const event = queue.shift();
        if (event !== undefined) return event;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
    stop() {
      for (const remove of removers) remove();
    },
  };

  function push(event: DaemonEvent): void {
    queue.push(event);
    wake();
  }
}
