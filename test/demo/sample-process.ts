import { request } from "../helpers/request.ts";
import { startSampleService } from "../helpers/sample-service.ts";

/*
 * A sample service as a process: registers itself with a health check, and deregisters when it is asked to end.
 *
 *   sample-process.ts CONSUL SERVICE ID PORT [TAG ...]
 */

const [consul = "", service = "", id = "", port = "0", ...tags] = process.argv.slice(2);
const sample = await startSampleService(id, { port: Number(port) });
const registration = {
  Name: service,
  ID: id,
  Address: "127.0.0.1",
  Port: sample.port,
  Tags: tags,
  Check: {
    HTTP: `http://127.0.0.1:${sample.port}/health`,
    Interval: "1s",
    Timeout: "1s",
    Status: "passing",
  },
};
const put = async (path: string, body?: object): Promise<number> =>
  (
    await request(`${consul}/v1/agent/service/${path}`, {
      method: "PUT",
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
  ).status;

for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => void leave());
const status = await put("register", registration);
if (status !== 200) throw new Error(`Consul answers ${status} to the registration of ${id}`);

async function leave(): Promise<void> {
  // Consul may have ended before: then there is nothing to deregister from.
  await put(`deregister/${id}`).catch(() => undefined);
  await sample.stop();
}
