import { startSampleService } from "./sample-service.ts";

/*
 * A sample service as a process of its own, so that who sends many requests does not also answer them.
 *
 *   serve-sample.ts NAME PORT
 */

const [name = "", port = "0"] = process.argv.slice(2);
await startSampleService(name, { port: Number(port) });
