import type { ConfigFile } from "./schema.ts";

/** Texts of a config that never appear in a log, an error, a status or a rendered file. */
export function secretsOf({
  consul,
  admin,
}: Pick<ConfigFile, "consul" | "admin">): readonly string[] {
  const password = consul?.auth?.slice(consul.auth.indexOf(":") + 1);
  const [, pair, inAddress] = /^https?:\/\/([^@/]*:([^@/]*))@/.exec(consul?.address ?? "") ?? [];
  return [consul?.token, admin?.token, consul?.auth, password, pair, inAddress].filter(
    (secret): secret is string => secret !== undefined && secret !== "",
  );
}
