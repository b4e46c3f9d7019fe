import { ask, type RenderContext } from "../render/render-context.ts";
import { ArgumentFault, textArgument, unexpectedArgument } from "./arguments.ts";
import type { HelperGroup } from "./definition.ts";
import { formatTime } from "./format-time.ts";

/** The machine, and the time. */
export const TIME_AND_ENVIRONMENT: HelperGroup = {
  title: "Files, environment and time",
  helpers: {
    file: {
      signature: "file PATH",
      meaning:
        "The content of a file of this machine; relative to the config file. While there is no such file nothing is rendered; when the file changes, the template is rendered again",
      example: '{{trim (file "motd.txt")}}',
      output: "Welcome",
      answer: ({ context }, path) => {
        const name = textArgument(path, "PATH");
        if (name === "") throw unexpectedArgument("a path", path, "PATH");
        return ask(context, { kind: "file", path: name }) ?? "";
      },
    },
    env: {
      signature: "env NAME",
      meaning:
        "The environment variable NAME of Fairlead; empty text when it is not set. Variables that hold one of the config's secrets are not there",
      example: '{{env "REGION"}}',
      output: "eu",
      answer: ({ context }, name) => variable(context, name) ?? "",
    },
    envOrDefault: {
      signature: "envOrDefault NAME FALLBACK",
      meaning: "The environment variable NAME, or FALLBACK when it is not set or empty",
      example: '{{envOrDefault "NONE" "x"}}',
      output: "x",
      answer: ({ context }, name, fallback) => variable(context, name) || fallback,
    },
    mustEnv: {
      signature: "mustEnv NAME",
      meaning: "The environment variable NAME; a fault when it is not set",
      example: '{{mustEnv "REGION"}}',
      output: "eu",
      answer: ({ context }, name) => {
        const value = variable(context, name);
        if (value !== undefined) return value;
        throw unexpectedArgument("an environment variable that is set", name, "NAME");
      },
    },
    timestamp: {
      signature: "timestamp [LAYOUT]",
      meaning:
        'When the catalog last changed, in UTC: RFC 3339, or with LAYOUT as Go has it, such as "2006-01-02 15:04:05", or "unix" for seconds. The same snapshot has the same time',
      example: '{{timestamp}} {{timestamp "02 Jan 2006"}} {{timestamp "unix"}}',
      output: "2026-01-02T03:04:05Z 02 Jan 2026 1767323045",
      aliases: ["now"],
      answer: ({ context }, layout) => {
        const at = context.snapshot.takenAtMs;
        return layout === undefined
          ? new Date(at).toISOString().replace(/\.\d+Z$/, "Z")
          : formatTime(at, textArgument(layout, "LAYOUT"));
      },
    },
    fail: {
      signature: "fail REASON",
      meaning: "Ends the render with REASON; the last known good files stay in force",
      example: '{{#if (eq proxy.kind "none")}}{{fail "unknown kind"}}{{/if}}',
      output: "",
      writesNothing: true,
      run: (reason) => {
        throw new ArgumentFault(textArgument(reason, "REASON"));
      },
    },
  },
};

function variable({ environment }: RenderContext, name: unknown): string | undefined {
  const key = textArgument(name, "NAME");
  return Object.hasOwn(environment, key) ? environment[key] : undefined;
}
