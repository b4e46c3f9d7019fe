// Preloaded into Fairlead: collects all garbage every few seconds, so that its resident memory tells what it keeps. By itself
// V8 lets garbage grow to half of the heap and more before it does.
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc");
setInterval(() => collect(), 3_000).unref();
