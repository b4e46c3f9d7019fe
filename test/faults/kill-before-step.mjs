import childProcess from "node:child_process";
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import net from "node:net";
import { basename } from "node:path";

/*
 * `node --import kill-before-step.mjs?home=DIRECTORY&trace=FILE&at=N program`: the program ends by SIGKILL just before the Nth of its
 * steps that change something under the directory, start a program, signal one or tell it something. Each step that began is a line of the trace.
 */

const parameters = new URL(import.meta.url).searchParams;
const home = parameters.get("home") ?? "";
const trace = parameters.get("trace") ?? "";
const at = Number(parameters.get("at"));
const { existsSync, writeSync } = fs;
const traced = fs.openSync(trace, "a");
let count = 0;

function step(label) {
  count += 1;
  writeSync(traced, `${label}\n`);
  if (count === at) process.kill(process.pid, "SIGKILL");
}

const ours = (args) =>
  args.filter((it) => typeof it === "string" && it.startsWith(home) && !it.includes("/lock"));

function watch(object, name, isStep = () => true) {
  const original = object[name];
  object[name] = (...args) => {
    const paths = ours(args);
    if (paths.length > 0 && isStep(paths[0]))
      step(`${name.replace("Sync", "")} ${paths.map((path) => basename(path)).join(" ")}`);
    return original.apply(object, args);
  };
}

for (const name of ["writeFileSync", "renameSync", "linkSync", "chmodSync", "chownSync"])
  watch(fs, name);
watch(fs, "rmSync", existsSync);
watch(fs, "unlinkSync", existsSync);
watch(fs, "mkdirSync", (path) => !existsSync(path));
watch(fs.promises, "rename");

const { open } = fs.promises;
fs.promises.open = async (path, ...rest) => {
  const handle = await open(path, ...rest);
  if (ours([path]).length > 0) {
    const sync = handle.sync.bind(handle);
    handle.sync = async () => {
      step(`sync ${basename(path)}`);
      await sync();
    };
  }
  return handle;
};

const { spawn } = childProcess;
childProcess.spawn = (file, ...rest) => {
  step(`start ${basename(file)}`);
  return spawn(file, ...rest);
};

const { kill } = process;
process.kill = (pid, signal) => {
  if (signal === "SIGHUP") step("signal SIGHUP");
  return kill.call(process, pid, signal);
};

const { write } = net.Socket.prototype;
net.Socket.prototype.write = function (data, ...rest) {
  if (this.remotePort !== undefined) step(`send ${String(data).split(/[ \n]/, 1)[0]}`);
  return write.call(this, data, ...rest);
};

syncBuiltinESMExports();
