import { isIP } from "node:net";

/**
 * Whether a text is an address that both proxies can be given: an IPv4 or IPv6 address (without brackets
 * or zone) or a host name. Nothing else, so that it cannot say more than an address in a configuration.
 */
export function isServerAddress(text: string): boolean {
  if (isIP(text) !== 0) return !text.includes("%");
  return (
    text.length <= 253 &&
    /^(?=.*[a-z])[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*$/i.test(text)
  );
}
