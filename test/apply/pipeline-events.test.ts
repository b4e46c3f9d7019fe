import { expect, test } from "vitest";
import {
  deferListener,
  EVENT_NAMES,
  type EventListener,
  joinListeners,
  type PipelineEvents,
} from "../../src/apply/pipeline-events.ts";

/** A listener that writes down every call, whatever the event's name. */
function recorder() {
  const calls: string[] = [];
  const listener = new Proxy<EventListener>(
    {},
    {
      get(_, name) {
        if (name === "then") return undefined; // or a promise would wait for it as for another promise
        return (detail: string) => calls.push(`${String(name)} ${detail}`);
      },
    },
  );
  return { calls, listener };
}

function emitAll(events: PipelineEvents): readonly string[] {
  const all = events as unknown as Record<string, (detail: string) => void>;
  for (const name of EVENT_NAMES) all[name]?.(`of ${name}`);
  return EVENT_NAMES.map((name) => `${name} of ${name}`);
}

test("joined listeners each get every event", () => {
  const [first, second] = [recorder(), recorder()];
  const emitted = emitAll(joinListeners([first.listener, {}, second.listener]));
  expect(emitted.length).toBeGreaterThan(15);
  expect([first.calls, second.calls]).toEqual([emitted, emitted]);
});

test("a listener that is still being made gets every event once it is there, in order", async () => {
  const { calls, listener } = recorder();
  let finish: (listener: EventListener) => void = () => undefined;
  const making = new Promise<EventListener>((resolve) => {
    finish = resolve;
  });
  const emitted = emitAll(deferListener(making));
  expect(calls).toEqual([]);
  finish(listener);
  await making;
  expect(calls).toEqual(emitted);
});
