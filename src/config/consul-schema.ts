import { z } from "zod";
import { duration } from "./duration.ts";
import { flag, path, text, wholeNumber } from "./schema-parts.ts";

const tlsSchema = z
  .strictObject({
    caFile: path
      .optional()
      .describe("PEM file of the authorities that signed Consul's certificate."),
    certFile: path.optional().describe("PEM file of the client certificate."),
    keyFile: path.optional().describe("PEM file of the client certificate's key."),
    verify: flag.default(true).describe("Whether to verify Consul's certificate."),
    serverName: text("a host name").optional().describe("Name expected in Consul's certificate."),
  })
  .describe("How to speak TLS with Consul.");

export const consulSchema = z
  .strictObject({
    address: text("a URL such as http://127.0.0.1:8500, or unix:///path")
      .regex(/^((https?:\/\/.+)|(unix:\/\/\/.+))$/, {
        error: "a URL such as http://127.0.0.1:8500, or unix:///path",
      })
      .default("http://127.0.0.1:8500")
      .describe("Base URL of the Consul HTTP API. Else CONSUL_HTTP_ADDR."),
    token: z
      .string({ error: "a token" })
      .optional()
      .describe("ACL token; empty is none. Else CONSUL_HTTP_TOKEN."),
    tokenFile: path
      .optional()
      .describe("File that holds the ACL token. Else CONSUL_HTTP_TOKEN_FILE."),
    auth: text("user:password")
      .optional()
      .describe("HTTP basic authentication, user:password. Else CONSUL_HTTP_AUTH."),
    datacenter: text("a datacenter's name")
      .optional()
      .describe("Datacenter of queries that name none; the agent's when absent."),
    namespace: text("a namespace")
      .optional()
      .describe("Namespace (Consul Enterprise). Else CONSUL_NAMESPACE."),
    partition: text("an admin partition")
      .optional()
      .describe("Admin partition (Consul Enterprise). Else CONSUL_PARTITION."),
    tls: tlsSchema.prefault({}),
    consistency: z
      .enum(["stale", "default", "consistent"], { error: "stale, default or consistent" })
      .default("stale")
      .describe("Consul's consistency mode of every read."),
    maxStale: duration
      .prefault("2s")
      .describe("An answer staler than this is read again from the leader."),
    wait: duration
      .refine((ms) => ms >= 1_000 && ms <= 600_000, { error: "a duration between 1s and 10m" })
      .prefault("60s")
      .describe("How long Consul may hold a blocking query open. Consul caps this at 10 minutes."),
    maxConnections: wholeNumber
      .refine((count) => count >= 2, { error: "at least 2 connections" })
      .default(64)
      .describe("Most sockets to Consul at once. Consul's own limit is 200 per client address."),
    lastKnownGood: z
      .strictObject({
        maxAge: duration
          .prefault("24h")
          .describe(
            "Oldest catalog, kept in `state`, that `run` starts with when Consul does not answer; 0 is none.",
          ),
      })
      .prefault({})
      .describe("What stands in for Consul at a start without it."),
  })
  .describe("The Consul agent to ask.");

export type ConsulConfig = Readonly<z.infer<typeof consulSchema>>;
