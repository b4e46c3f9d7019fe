import { BlockList, isIP, isIPv4, isIPv6 } from "node:net";
import type { NetworkInterface } from "../../catalog/network-interface.ts";
import { ask } from "../render/render-context.ts";
import { number, textArgument, unexpectedArgument } from "./arguments.ts";
import type { HelperGroup } from "./definition.ts";

/** Addresses. */
export const ADDRESSES: HelperGroup = {
  title: "Addresses",
  helpers: {
    hostPort: {
      signature: "hostPort ADDRESS PORT",
      meaning: "Both with a colon between them; an IPv6 address is put in brackets",
      example: '{{hostPort "10.0.0.1" 80}} {{hostPort "::1" 80}}',
      output: "10.0.0.1:80 [::1]:80",
      run: (address, port) => {
        const host = textArgument(address, "ADDRESS");
        return `${host.includes(":") ? `[${host}]` : host}:${number(port, "PORT")}`;
      },
    },
    hostOf: {
      signature: "hostOf TEXT",
      meaning: "The host of host:port or of a URL, without brackets",
      example: '{{hostOf "[::1]:80"}} {{hostOf "http://a.example.com:8080/x"}}',
      output: "::1 a.example.com",
      run: (a) => partsOf(a).host,
    },
    portOf: {
      signature: "portOf TEXT [FALLBACK]",
      meaning: "The port of host:port or of a URL, as a number; FALLBACK when it has none",
      example: '{{portOf "10.0.0.1:80"}} {{portOf "a.example.com" 443}}',
      output: "80 443",
      run: (a, fallback) => partsOf(a).port ?? fallback,
    },
    isIPv4: {
      signature: "isIPv4 TEXT",
      meaning: "Whether TEXT is an IPv4 address",
      example: '{{isIPv4 "10.0.0.1"}} {{isIPv4 "web"}}',
      output: "true false",
      run: (a) => isIPv4(textArgument(a, "TEXT")),
    },
    isIPv6: {
      signature: "isIPv6 TEXT",
      meaning: "Whether TEXT is an IPv6 address",
      example: '{{isIPv6 "::1"}}',
      output: "true",
      run: (a) => isIPv6(textArgument(a, "TEXT")),
    },
    inSubnet: {
      signature: "inSubnet ADDRESS SUBNET",
      meaning: "Whether an IP address is in a subnet such as 10.0.0.0/8",
      example: '{{inSubnet "10.1.2.3" "10.0.0.0/8"}}',
      output: "true",
      run: (address, subnet) => {
        const [ip, list] = [ipOf(address), subnetOf(subnet)];
        return list.check(ip, isIPv4(ip) ? "ipv4" : "ipv6");
      },
    },
    sockaddr: {
      signature: "sockaddr WHAT",
      meaning:
        'An address of this machine: "GetPrivateIP", "GetPublicIP", or "GetInterfaceIP eth0"; with an s at the end (GetPrivateIPs) all of them with a space between. Empty text when there is none',
      example: '{{sockaddr "GetPrivateIP"}} {{sockaddr "GetInterfaceIP eth1"}}',
      output: "10.0.0.5 198.51.100.7",
      answer: ({ context }, what) => {
        const [, kind = "", several = "", name] =
          /^Get(Private|Public|Interface)IP(s?)(?:\s+"?([^"\s]+)"?)?$/.exec(
            textArgument(what, "WHAT"),
          ) ?? [];
        if (kind === "" || (kind === "Interface") !== (name !== undefined)) {
          throw unexpectedArgument(
            "GetPrivateIP, GetPublicIP or GetInterfaceIP NAME",
            what,
            "WHAT",
          );
        }
        const found = (ask(context, { kind: "interfaces" }) ?? [])
          .filter((it) => (name === undefined ? isOf(it, kind) : it.name === name))
          .map(({ address }) => address);
        return several === "" ? (found[0] ?? "") : found.join(" ");
      },
    },
  },
};

/** IPv4 addresses that are not routed on the internet. Source: RFC 1918, RFC 6598. */
const PRIVATE = new BlockList();
PRIVATE.addSubnet("10.0.0.0", 8);
PRIVATE.addSubnet("172.16.0.0", 12);
PRIVATE.addSubnet("192.168.0.0", 16);
PRIVATE.addSubnet("100.64.0.0", 10);

function isOf({ address, isInternal }: NetworkInterface, kind: string): boolean {
  if (isInternal || !isIPv4(address) || address.startsWith("169.254.")) return false;
  return PRIVATE.check(address) === (kind === "Private");
}

function partsOf(value: unknown): { readonly host: string; readonly port: number | undefined } {
  const all = textArgument(value, "TEXT");
  const place = /^[a-z][a-z0-9+.-]*:\/\/(?:[^@/]*@)?([^/?#]*)/i.exec(all)?.[1] ?? all;
  const bracketed = /^\[([^\]]*)\](?::(\d+))?$/.exec(place);
  const plain = isIP(place) === 0 ? /^([^:]*):(\d+)$/.exec(place) : null;
  const [, host = place, port] = bracketed ?? plain ?? [];
  return { host, port: port === undefined ? undefined : Number(port) };
}

function ipOf(value: unknown): string {
  const all = textArgument(value, "ADDRESS");
  if (isIP(all) !== 0) return all;
  throw unexpectedArgument("an IP address", value, "ADDRESS");
}

function subnetOf(value: unknown): BlockList {
  const [, network = "", bits = ""] = /^(.*)\/(\d{1,3})$/.exec(textArgument(value, "SUBNET")) ?? [];
  const family = isIP(network);
  if (family === 0 || Number(bits) > (family === 4 ? 32 : 128)) {
    throw unexpectedArgument("a subnet such as 10.0.0.0/8", value, "SUBNET");
  }
  const list = new BlockList();
  list.addSubnet(network, Number(bits), family === 4 ? "ipv4" : "ipv6");
  return list;
}
