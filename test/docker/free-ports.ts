import { freePorts } from "../helpers/free-port.ts";
import type { Change } from "./stack.ts";

/** What a stack's services get in place of the compose file's own ports, on the loopback address. */
export interface OnFreePorts {
  readonly consul: Change;
  readonly consulAddress: string;
  /** A Fairlead with an admin address of its own. */
  fairlead(environment: Readonly<Record<string, string>>): Promise<Change>;
  sample(environment?: Readonly<Record<string, string>>): Promise<Change>;
  /** A sample service of which there may be several. Its own health check would not know which port it has. */
  readonly manySamples: Change;
}

export async function onFreePorts(): Promise<OnFreePorts> {
  const [http, server, lan] = await freePorts(3);
  const address = `http://127.0.0.1:${http}`;
  const ports = { http, dns: -1, grpc: -1, server, "serf-lan": lan };
  const more = [
    ..."-bind=127.0.0.1 -client=127.0.0.1".split(" "),
    ...Object.entries(ports).map(([name, port]) => `-${name}-port=${port}`),
  ];
  const sampleOn = (port: number) => ({
    CONSUL: address,
    ADDRESS: "127.0.0.1",
    PORT: String(port),
  });
  return {
    consul: ({ command = [] }) => ({
      command: [...command, ...more],
      environment: { CONSUL_HTTP_ADDR: address },
    }),
    consulAddress: address,
    async fairlead(environment) {
      const [admin] = await freePorts(1);
      const own = { FAIRLEAD_CONSUL: address, FAIRLEAD_ADMIN: `127.0.0.1:${admin}` };
      return { environment: { ...own, ...environment } };
    },
    async sample(environment = {}) {
      const [port = 0] = await freePorts(1);
      return { environment: { ...sampleOn(port), ...environment } };
    },
    manySamples: { environment: sampleOn(0), healthcheck: { disable: true } },
  };
}
