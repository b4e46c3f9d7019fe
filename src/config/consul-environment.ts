import { resolve } from "node:path";

/**
 * Consul settings from the environment variables that Consul's own command line reads.
 * Source: Consul documentation, "Consul CLI", section "Environment Variables".
 */

type Environment = Readonly<Record<string, string | undefined>>;

/** One setting: where it belongs in the config's `consul` section, and the variable it came from. */
export interface ConsulSetting {
  readonly path: readonly string[];
  readonly variable: string;
  readonly value: string | boolean;
}

/** Reads the settings. A variable that is empty counts as not set. */
export function consulSettings(environment: Environment): readonly ConsulSetting[] {
  const setting = (variable: string, path: readonly string[]): ConsulSetting[] => {
    const value = environment[variable];
    return value === undefined || value === "" ? [] : [{ path, variable, value }];
  };
  // A relative file is meant from the working directory, not from the config's.
  const file = (variable: string, path: readonly string[]): ConsulSetting[] =>
    setting(variable, path).map((it) => ({ ...it, value: resolve(String(it.value)) }));
  return [
    ...address(environment),
    ...setting("CONSUL_HTTP_TOKEN", ["token"]),
    ...file("CONSUL_HTTP_TOKEN_FILE", ["tokenFile"]),
    ...setting("CONSUL_HTTP_AUTH", ["auth"]),
    ...setting("CONSUL_NAMESPACE", ["namespace"]),
    ...setting("CONSUL_PARTITION", ["partition"]),
    ...file("CONSUL_CACERT", ["tls", "caFile"]),
    ...file("CONSUL_CLIENT_CERT", ["tls", "certFile"]),
    ...file("CONSUL_CLIENT_KEY", ["tls", "keyFile"]),
    ...setting("CONSUL_TLS_SERVER_NAME", ["tls", "serverName"]),
    ...verify(environment),
  ];
}

/** CONSUL_HTTP_ADDR may lack the scheme; CONSUL_HTTP_SSL=true then makes it https. */
function address(environment: Environment): ConsulSetting[] {
  const secure = isTrue(environment["CONSUL_HTTP_SSL"]);
  const given = environment["CONSUL_HTTP_ADDR"];
  if (given === undefined || given === "") {
    if (!secure) return [];
    return [{ path: ["address"], variable: "CONSUL_HTTP_SSL", value: "https://127.0.0.1:8500" }];
  }
  const value = given.includes("://")
    ? secure
      ? given.replace(/^http:/, "https:")
      : given
    : `${secure ? "https" : "http"}://${given}`;
  return [{ path: ["address"], variable: "CONSUL_HTTP_ADDR", value }];
}

function verify(environment: Environment): ConsulSetting[] {
  const variable = "CONSUL_HTTP_SSL_VERIFY";
  const value = environment[variable];
  if (value === undefined || value === "") return [];
  return [{ path: ["tls", "verify"], variable, value: isTrue(value) }];
}

/** Go's strconv.ParseBool, which Consul reads these with. */
const isTrue = (value: string | undefined): boolean =>
  ["1", "t", "T", "true", "TRUE", "True"].includes(value ?? "");
