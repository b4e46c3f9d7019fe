import { z } from "zod";
import { duration } from "./duration.ts";
import { flag, nonEmpty, path, wholeNumber } from "./schema-parts.ts";

const tlsSchema = z
  .strictObject({
    caFile: path
      .optional()
      .describe(
        "PEM file of the certificate authorities that Consul's certificate is verified with. Else CONSUL_CACERT; those of Node.js when absent.",
      ),
    certFile: path
      .optional()
      .describe("PEM file of the client certificate. Else CONSUL_CLIENT_CERT."),
    keyFile: path
      .optional()
      .describe("PEM file of the client certificate's key. Else CONSUL_CLIENT_KEY."),
    verify: flag
      .default(true)
      .describe("Whether to verify Consul's certificate. Else CONSUL_HTTP_SSL_VERIFY."),
    serverName: nonEmpty("a host name")
      .optional()
      .describe(
        "Name expected in Consul's certificate. Else CONSUL_TLS_SERVER_NAME; the host of `address` when absent.",
      ),
  })
  .describe("TLS to Consul, for an https address.");

export const consulSchema = z
  .strictObject({
    address: nonEmpty("a URL such as http://127.0.0.1:8500, or unix:///path")
      .regex(/^((https?:\/\/.+)|(unix:\/\/\/.+))$/, {
        error: "a URL such as http://127.0.0.1:8500, or unix:///path",
      })
      .default("http://127.0.0.1:8500")
      .describe("Base URL of the Consul HTTP API. Else CONSUL_HTTP_ADDR."),
    token: z
      .string({ error: "a token" })
      .optional()
      .describe("ACL token. Else CONSUL_HTTP_TOKEN. None when empty or absent."),
    tokenFile: path
      .optional()
      .describe(
        "File that holds the ACL token, read again for each request. Else CONSUL_HTTP_TOKEN_FILE.",
      ),
    auth: nonEmpty("user:password")
      .optional()
      .describe("HTTP basic authentication, user:password. Else CONSUL_HTTP_AUTH."),
    datacenter: nonEmpty("a datacenter's name")
      .optional()
      .describe("Datacenter of queries that name none. The agent's when absent."),
    namespace: nonEmpty("a namespace")
      .optional()
      .describe("Namespace (Consul Enterprise). Else CONSUL_NAMESPACE."),
    partition: nonEmpty("an admin partition")
      .optional()
      .describe("Admin partition (Consul Enterprise). Else CONSUL_PARTITION."),
    tls: tlsSchema.prefault({}),
    consistency: z
      .enum(["stale", "default", "consistent"], { error: "stale, default or consistent" })
      .default("stale")
      .describe("Consistency mode of every read: `stale`, `default` or `consistent`."),
    maxStale: duration
      .prefault("2s")
      .describe("With `stale`: an answer that is older than this is read again from the leader."),
    wait: duration
      .refine((ms) => ms >= 1_000 && ms <= 600_000, { error: "a duration between 1s and 10m" })
      .prefault("60s")
      .describe("How long Consul may hold a blocking query open. Consul caps this at 10 minutes."),
    maxConnections: wholeNumber
      .refine((count) => count >= 2, { error: "at least 2 connections" })
      .default(64)
      .describe(
        "Largest number of connections to Consul. Consul's own limit is 200 per client address.",
      ),
    lastKnownGood: z
      .strictObject({
        maxAge: duration
          .prefault("24h")
          .describe(
            "Largest age of the last known good catalog with which `run` starts. 0 turns it off.",
          ),
      })
      .prefault({})
      .describe(
        "The fallback when Consul does not answer at a start: the catalog that an earlier run kept in `state`.",
      ),
  })
  .describe("The Consul agent that the catalog is read from.");

export type ConsulConfig = Readonly<z.infer<typeof consulSchema>>;
