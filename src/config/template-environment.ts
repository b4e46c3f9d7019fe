import type { ConfigFile } from "./schema.ts";
import { secretsOf } from "./secrets.ts";

/** Variables that hold secrets by their meaning, whether the config uses them or not. */
const SECRET_VARIABLES: ReadonlySet<string> = new Set([
  "CONSUL_HTTP_TOKEN",
  "CONSUL_HTTP_AUTH",
  "FAIRLEAD_TOKEN",
]);
/** A shorter secret may be in a text by chance: then only an equal text counts. */
const TELLING_LENGTH = 4;

/** The variables that templates may read: all but those that hold one of the config's secrets. */
export function templateEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
  config: ConfigFile,
): Readonly<Record<string, string>> {
  const secrets = secretsOf(config);
  const isSecret = (value: string): boolean =>
    secrets.some(
      (secret) => value === secret || (secret.length >= TELLING_LENGTH && value.includes(secret)),
    );
  const readable = Object.entries(environment).filter(
    (entry): entry is [string, string] =>
      entry[1] !== undefined && !SECRET_VARIABLES.has(entry[0]) && !isSecret(entry[1]),
  );
  return Object.fromEntries(readable);
}
