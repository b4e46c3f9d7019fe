import type { Instance } from "../catalog/instance.ts";
import { parseDurationMs } from "../config/duration.ts";
import type { Balance, Sticky } from "./route.ts";

/** What one instance says about its routes, validated. */
export interface RouteSettings {
  readonly expose: boolean;
  readonly hosts: readonly string[];
  readonly paths: readonly string[];
  readonly strip?: boolean;
  readonly balance?: Balance;
  readonly sticky?: Sticky;
  readonly weight?: number;
  /** Percent of the route's requests that all its canary instances get together. */
  readonly canary?: number;
  readonly timeoutMs?: number;
  readonly totalMs?: number;
  readonly retries?: number;
  readonly maxconn?: number;
  readonly probe?: string;
}

/** A tag or meta entry that says something about routes, but nothing that can be used. */
interface SettingFault {
  /** Such as `route.path=/a b`. */
  readonly subject: string;
  readonly expected: string;
}

type Key =
  | "path"
  | "host"
  | "expose"
  | "strip"
  | "balance"
  | "sticky"
  | "weight"
  | "canary"
  | "timeout"
  | "total"
  | "retries"
  | "maxconn"
  | "probe";

interface Reader {
  readonly expected: string;
  /** `undefined` refuses the value. */
  readonly read: (value: string) => Partial<RouteSettings> | undefined;
}

const DURATION = "a duration from 1ms to 1h, such as 30s";

const READERS: Readonly<Record<Key, Reader>> = {
  path: {
    expected: "a path such as /api, of letters, digits and -._~@:+,=&!/",
    read: (value) => optional(normalPath(value), (path) => ({ paths: [path] })),
  },
  host: {
    expected: "a host name such as shop.example.com or *.example.com",
    read: (value) => optional(normalHost(value), (host) => ({ hosts: [host] })),
  },
  expose: {
    expected: "true or false",
    read: (value) => optional(flag(value), (expose) => ({ expose })),
  },
  strip: {
    expected: "true or false",
    read: (value) => optional(flag(value), (strip) => ({ strip })),
  },
  balance: {
    expected: "round_robin, least_conn or hash",
    read: (value) => (isBalance(value) ? { balance: value } : undefined),
  },
  sticky: {
    expected: "address, or cookie:NAME",
    read: (value) => optional(stickyBy(value), (sticky) => ({ sticky })),
  },
  weight: {
    expected: "a whole number from 0 to 100",
    read: (value) => optional(whole(value, 0, 100), (weight) => ({ weight })),
  },
  canary: {
    expected: "a percentage from 0 to 100",
    read: (value) => optional(whole(value.replace(/%$/, ""), 0, 100), (canary) => ({ canary })),
  },
  timeout: {
    expected: DURATION,
    read: (value) => optional(duration(value), (timeoutMs) => ({ timeoutMs })),
  },
  total: {
    expected: DURATION,
    read: (value) => optional(duration(value), (totalMs) => ({ totalMs })),
  },
  retries: {
    expected: "a whole number from 0 to 10",
    read: (value) => optional(whole(value, 0, 10), (retries) => ({ retries })),
  },
  maxconn: {
    expected: "a whole number from 1 to 1000000",
    read: (value) => optional(whole(value, 1, 1_000_000), (maxconn) => ({ maxconn })),
  },
  probe: {
    expected: "a path such as /health",
    read: (value) => optional(normalPath(value), (probe) => ({ probe })),
  },
};

/**
 * Reads an instance's route settings from its tags (`route.path=/api`) and meta (`route_path`). A tag wins
 * over meta; `path` and `host` may be given several times, or as a list with commas in meta.
 *
 * An instance whose every `path` or every `host` is unusable is not exposed: without them it would
 * answer in places that it did not ask for.
 */
export function readRouteSettings(instance: Instance): SettingsReading {
  const known = readings.get(instance);
  if (known !== undefined) return known;
  const reading = read(instance);
  readings.set(instance, reading);
  return reading;
}

interface SettingsReading {
  readonly settings: RouteSettings;
  readonly faults: readonly SettingFault[];
}

/** Instances never change: what did not change in the catalog is not read again. */
const readings = new WeakMap<Instance, SettingsReading>();

function read(instance: Instance): SettingsReading {
  const settings = {
    expose: true,
    hosts: [] as string[],
    paths: [] as string[],
  } as Mutable<RouteSettings>;
  const faults: SettingFault[] = [];
  const refused = new Set<string>();
  for (const { key, value, subject } of entriesOf(instance)) {
    const reader = READERS[key as Key] as Reader | undefined;
    const read = Object.hasOwn(READERS, key) ? reader?.read(value) : undefined;
    if (read === undefined) {
      if (key === "path" || key === "host" || key === "expose") refused.add(key);
      faults.push({
        subject,
        expected: reader?.expected ?? `one of the keys ${Object.keys(READERS).join(", ")}`,
      });
      continue;
    }
    const { hosts = [], paths = [], ...rest } = read;
    Object.assign(settings, rest, {
      hosts: [...settings.hosts, ...hosts],
      paths: [...settings.paths, ...paths],
    });
  }
  const lost =
    refused.has("expose") ||
    (refused.has("path") && settings.paths.length === 0) ||
    (refused.has("host") && settings.hosts.length === 0);
  return { settings: lost ? { ...settings, expose: false } : settings, faults };
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

interface Entry {
  readonly key: string;
  readonly value: string;
  readonly subject: string;
}

/** Meta first, so that a tag's later word wins. */
function entriesOf(instance: Instance): readonly Entry[] {
  const tags = instance.tags.flatMap((tag): Entry[] => {
    const match = /^route\.([^=]*)=(.*)$/s.exec(tag);
    return match === null
      ? []
      : [{ key: match[1] ?? "", value: (match[2] ?? "").trim(), subject: tag }];
  });
  const tagged = new Set(tags.map(({ key }) => key));
  const meta = Object.entries(instance.meta).flatMap(([name, text]): Entry[] => {
    const key = /^route_(\w+)$/i.exec(name)?.[1]?.toLowerCase();
    if (key === undefined || tagged.has(key)) return [];
    const values = key === "path" || key === "host" ? text.split(",") : [text];
    return values.map((value) => ({ key, value: value.trim(), subject: `${name}=${text}` }));
  });
  return [...meta, ...tags];
}

function normalPath(value: string): string | undefined {
  if (!/^\/[\w\-.~@:+,=&!/]*$/.test(value) || value.length > 512) return undefined;
  if (/\/\/|(^|\/)\.\.?(\/|$)/.test(value)) return undefined;
  if (/^\/__fairlead(\/|$)/.test(value)) return undefined;
  return value === "/" ? value : value.replace(/\/$/, "");
}

function normalHost(value: string): string | undefined {
  const host = value.toLowerCase().replace(/\.$/, "");
  const label = "[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?";
  return host.length <= 253 && new RegExp(`^(\\*\\.)?${label}(\\.${label})*$`).test(host)
    ? host
    : undefined;
}

function stickyBy(value: string): Sticky | undefined {
  if (["address", "ip", "true"].includes(value)) return { by: "address" };
  const cookie = /^cookie:([A-Za-z0-9_]{1,64})$/.exec(value)?.[1];
  return cookie === undefined ? undefined : { by: "cookie", cookie };
}

const isBalance = (value: string): value is Balance =>
  ["round_robin", "least_conn", "hash"].includes(value);

const flag = (value: string): boolean | undefined =>
  value === "true" ? true : value === "false" ? false : undefined;

function duration(value: string): number | undefined {
  const ms = parseDurationMs(value);
  return ms !== undefined && ms >= 1 && ms <= 3_600_000 ? ms : undefined;
}

function whole(value: string, least: number, most: number): number | undefined {
  const number = Number(value);
  return /^\d{1,9}$/.test(value) && number >= least && number <= most ? number : undefined;
}

const optional = <T, R>(value: T | undefined, map: (value: T) => R): R | undefined =>
  value === undefined ? undefined : map(value);
