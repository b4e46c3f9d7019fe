import { AppError } from "../../errors.ts";
import type { SupervisedProcess } from "../supervise/supervised-process.ts";
import type { NginxFacts } from "./nginx-facts.ts";
import { readPid } from "./nginx-process.ts";

/*
 * The errors for an nginx master that is not found.
 */

export function proxyDown({ pidFile }: NginxFacts): AppError {
  const { where, hint } = whyNoMaster(pidFile);
  return new AppError("PROXY_DOWN", `Cannot reload as nginx does not run: ${where}`, {
    hint: `${hint}. The checked files are in place, and Fairlead reloads it as soon as it runs`,
  });
}

export function childDown(child: SupervisedProcess): AppError {
  const lines = child.recentErrors();
  const reason =
    lines.find((line) => line.includes("[emerg]")) ?? lines.at(-1) ?? "it printed nothing";
  return new AppError(
    "PROXY_DOWN",
    `Cannot start nginx: ${child.failure() ?? "it is not up"}: ${reason.replace(/^nginx: /, "")}`,
    {
      hint: "Correct what nginx names, or reload.supervise. The checked files are in place, and Fairlead restarts nginx by itself",
    },
  );
}

/** Why no master is found: it does not run, or runs where this process cannot see it. */
function whyNoMaster(pidFile: string): { readonly where: string; readonly hint: string } {
  const pid = readPid(pidFile);
  if (pid === undefined) {
    return {
      where: `"${pidFile}" names no process`,
      hint: "Start nginx, or correct reload.pidFile; beside an nginx in another container, mount the pid file's directory in both",
    };
  }
  return {
    where: `"${pidFile}" names process ${pid}, and that is no nginx master here`,
    hint: 'Start nginx; beside an nginx in another container, share its process namespace (pid: "service:nginx") or use reload.docker',
  };
}

export function masterNotVisible(facts: NginxFacts): AppError {
  return new AppError(
    "NOT_PROVED",
    `Cannot prove the reload as "${facts.pidFile}" names no nginx master that can be seen from here`,
    {
      hint: "Correct reload.pidFile, share the process namespace, or set proof.url to the built-in /__fairlead/generation",
    },
  );
}
