import { type Logger, pino } from "pino";

/** The program's logger: JSON lines on stderr, or readable lines when that is a terminal. */
export type Log = Logger;

const REDACTED = "[redacted]";
/** Shorter texts are no secrets, and would blank out half of the log. */
const SHORTEST_SECRET = 4;

/**
 * Makes the root logger.
 *
 * @param options.redact takes secrets out of each line
 * @param options.pretty readable lines instead of JSON
 */
export async function createLog(options: {
  readonly level: string;
  readonly pretty: boolean;
  readonly redact: (text: string) => string;
}): Promise<Log> {
  const write = await lineWriter(options.pretty);
  return pino(
    { level: options.level, base: null, serializers: { err: serializeError } },
    { write: (line: string) => write(options.redact(line)) },
  );
}

/**
 * Makes a function that replaces each of `secrets` in a text. It also finds a secret inside a JSON string, inside a JSON
 * string that quotes JSON, such as an answer that repeats its request, and in Base64, as HTTP sends it.
 */
export function redactor(secrets: readonly string[]): (text: string) => string {
  const texts = secrets
    .filter((secret) => secret.length >= SHORTEST_SECRET)
    .flatMap((secret) => [
      secret,
      inJson(secret),
      inJson(inJson(secret)),
      Buffer.from(secret).toString("base64"),
    ])
    .toSorted((a, b) => b.length - a.length);
  return (text) => texts.reduce((result, secret) => result.replaceAll(secret, REDACTED), text);
}

const inJson = (text: string): string => JSON.stringify(text).slice(1, -1);

async function lineWriter(pretty: boolean): Promise<(line: string) => void> {
  if (!pretty) return (line) => void process.stderr.write(line);
  const { prettyFactory } = await import("pino-pretty");
  const format = prettyFactory({
    colorize: process.stderr.hasColors?.() ?? false,
    translateTime: "SYS:HH:MM:ss.l",
    // The message has these.
    ignore:
      "err,hint,proxy,generation,id,result,change,proof,service,instance,node,query,missing,retryInMs",
    messageFormat: readableMessage,
    singleLine: true,
  });
  return (line) => void process.stderr.write(format(line) ?? line);
}

/** The proxy, the message, and the next step on a line of its own. */
function readableMessage(entry: Readonly<Record<string, unknown>>, key: string): string {
  const { proxy, hint } = entry;
  const who = typeof proxy === "string" ? `${proxy}: ` : "";
  const next = typeof hint === "string" ? `\n    → ${hint}` : "";
  return `${who}${String(entry[key])}${next}`;
}

/** Only a bug has its stack in the log. */
function serializeError(error: Error & { readonly code?: string; readonly hint?: string }): object {
  const expected = error.name === "AppError";
  return {
    ...(error.code === undefined ? {} : { code: error.code }),
    message: error.message,
    ...(expected ? {} : { stack: error.stack }),
  };
}
