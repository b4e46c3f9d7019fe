// Preloaded into Fairlead: at SIGUSR2 it collects all garbage, and writes the memory still in use to the file in its URL.
// At other times V8 collects garbage as it does without this.
import { writeFileSync } from "node:fs";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc");
const file = new URL(import.meta.url).searchParams.get("file") ?? "";
process.on("SIGUSR2", () => {
  collect();
  setTimeout(() => {
    collect(); // what the finalizers of the first collection released
    const { heapUsed, external } = process.memoryUsage();
    writeFileSync(file, String(heapUsed + external));
  }, 100);
});
