// Preloaded into Fairlead: at SIGUSR2 it collects all garbage and writes how much it keeps into the file that is named.
// Otherwise it leaves V8 alone, which collects when it likes.
import { writeFileSync } from "node:fs";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc");
const file = new URL(import.meta.url).searchParams.get("file") ?? "";
process.on("SIGUSR2", () => {
  collect();
  setTimeout(() => {
    collect(); // what the first one's finalizers let go
    const { heapUsed, external } = process.memoryUsage();
    writeFileSync(file, String(heapUsed + external));
  }, 100);
});
