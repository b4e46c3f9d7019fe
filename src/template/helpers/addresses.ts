import { number, text } from "./arguments.ts";
import type { HelperGroup } from "./definition.ts";

/** Addresses. */
export const ADDRESSES: HelperGroup = {
  title: "Addresses",
  helpers: {
    hostPort: {
      signature: "hostPort ADDRESS PORT",
      meaning: "Both with a colon between them; an IPv6 address stands in brackets",
      example: '{{hostPort "10.0.0.1" 80}} {{hostPort "::1" 80}}',
      output: "10.0.0.1:80 [::1]:80",
      run: (address, port) => {
        const host = text(address, "ADDRESS");
        return `${host.includes(":") ? `[${host}]` : host}:${number(port, "PORT")}`;
      },
    },
  },
};
