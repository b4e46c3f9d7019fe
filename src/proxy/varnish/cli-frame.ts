import { createHash } from "node:crypto";

/*
 * The frames of Varnish's CLI socket. Source: Varnish documentation, varnish-cli(7), sections "Syntax",
 * "Status Codes" and "Authentication".
 */

/** One answer of the CLI. */
export interface CliAnswer {
  /** 200 success, 201 truncated, 106 the VCL does not compile, 107 authentication, 300 impossible, 4xx and 500 failure. */
  readonly status: number;
  readonly body: string;
}

/** Three digits, a space, the length in eight columns, a line feed. */
const HEADER_BYTES = 13;
/** The challenge is the first line of a 107 answer. */
const CHALLENGE_LENGTH = 32;

/**
 * Reads the first answer of a buffer.
 *
 * @returns the answer and how many bytes it took, or `undefined` while it is incomplete
 * @throws {Error} when the bytes are no CLI answer
 */
export function parseCliAnswer(
  buffer: Buffer,
): { readonly answer: CliAnswer; readonly bytes: number } | undefined {
  if (buffer.length < HEADER_BYTES) return undefined;
  const match = /^(\d{3}) (\d+) *\n$/.exec(buffer.toString("latin1", 0, HEADER_BYTES));
  if (match === null) throw new Error("the other side is no Varnish CLI");
  const bodyBytes = Number(match[2]);
  const bytes = HEADER_BYTES + bodyBytes + 1; // the body ends with a line feed that is not counted
  if (buffer.length < bytes) return undefined;
  const body = buffer.toString("utf8", HEADER_BYTES, HEADER_BYTES + bodyBytes);
  return { answer: { status: Number(match[1]), body }, bytes };
}

/**
 * A command line of the CLI. No word can become two, or a second command.
 *
 * Special characters are escaped one by one: varnishd 7.1 refuses two quoted words in a row ("Missing
 * separator between arguments", measured).
 */
export function encodeCommand(words: readonly string[]): string {
  return `${words.map(escaped).join(" ")}\n`;
}

/** The answer to a challenge: a hash over the secret, which does not reveal it. */
export function authenticate(challengeBody: string, secret: Buffer): string {
  const challenge = challengeBody.slice(0, CHALLENGE_LENGTH);
  return createHash("sha256")
    .update(`${challenge}\n`)
    .update(secret)
    .update(`${challenge}\n`)
    .digest("hex");
}

function escaped(word: string): string {
  if (word === "") return '""';
  return word.replace(/[\s\p{Cc}"\\]/gu, (char) =>
    [...Buffer.from(char)].map((byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join(""),
  );
}
