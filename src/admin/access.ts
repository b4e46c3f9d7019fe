import { createHash, timingSafeEqual } from "node:crypto";
import { isIP } from "node:net";

/** The parts of a request that decide on access. */
export interface Caller {
  readonly method: string;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
}

/** Why a request is refused. */
export interface AccessDenial {
  readonly status: 401 | 403 | 415 | 421;
  readonly error: string;
  readonly hint: string;
}

/**
 * Decides on a request. Returns why it is refused, or `undefined` when it may be answered.
 *
 * The token decides when one is set. Without one the address is a loopback address, and the danger is a foreign page in
 * a browser on this machine. Such a page can point its own host name here (DNS rebinding), which shows in `Host`. Or it
 * can post across sites, which shows in `Origin` and `Sec-Fetch-Site`, and it cannot send JSON without a preflight.
 */
export function checkAccess(caller: Caller, token: string | undefined): AccessDenial | undefined {
  if (!isAuthorized(caller, token)) {
    return {
      status: 401,
      error: "Cannot answer as the token is missing or wrong",
      hint: "Send the config's admin.token as `Authorization: Bearer …`",
    };
  }
  if (token === undefined && !isOwnHost(hostName(header(caller, "host")))) {
    return {
      status: 421,
      error: "Cannot answer as the Host header is a name that anyone may point here",
      hint: "Use an IP address or localhost, or set admin.token",
    };
  }
  return isChange(caller) ? changeDenial(caller) : undefined;
}

/** Whether a request has the token, or none is set. Takes the same time for every wrong token. */
function isAuthorized(caller: Caller, token: string | undefined): boolean {
  if (token === undefined) return true;
  const [, given] = /^Bearer +(\S+)$/i.exec(header(caller, "authorization")) ?? [];
  return timingSafeEqual(digest(given ?? ""), digest(token));
}

function changeDenial(caller: Caller): AccessDenial | undefined {
  const origin = header(caller, "origin");
  const site = header(caller, "sec-fetch-site");
  const isForeign =
    (origin !== "" && origin !== `http://${header(caller, "host")}`) ||
    (site !== "" && site !== "same-origin" && site !== "none");
  if (isForeign) {
    return {
      status: 403,
      error: "Cannot take commands as they come from another site's page",
      hint: "Use the fairlead command",
    };
  }
  if (/^application\/json\s*(;|$)/i.test(header(caller, "content-type"))) return undefined;
  return {
    status: 415,
    error: "Cannot take commands that are not JSON",
    hint: "Send `Content-Type: application/json`",
  };
}

const isChange = ({ method }: Caller): boolean => method !== "GET" && method !== "HEAD";

const isOwnHost = (name: string): boolean => isIP(name) !== 0 || name === "localhost";

/** Without port and brackets. */
function hostName(host: string): string {
  const [, bracketed, plain] = /^(?:\[([^\]]*)\]|([^:]*))(?::\d+)?$/.exec(host) ?? [];
  return (bracketed ?? plain ?? "").toLowerCase();
}

function header({ headers }: Caller, name: string): string {
  const value = headers[name];
  return typeof value === "string" ? value : "";
}

/** The comparison needs equal lengths. */
const digest = (text: string): Buffer => createHash("sha256").update(text).digest();
