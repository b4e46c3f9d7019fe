import { AppError } from "../../errors.ts";
import type { SupervisedProcess } from "../supervise/supervised-process.ts";
import type { NginxFacts } from "./nginx-facts.ts";
import { readPid } from "./nginx-process.ts";

/*
 * What is said where no nginx master is found: why, and what to do about it.
 */

export function proxyDown({ pidFile }: NginxFacts): AppError {
  const { where, hint } = whyNoMaster(pidFile);
  return new AppError("PROXY_DOWN", `Cannot reload as nginx does not run: ${where}`, {
    hint: `${hint}. The checked files are in place, and Fairlead picks it up by itself`,
  });
}

export function childDown(child: SupervisedProcess): AppError {
  const lines = child.recentErrors();
  const words = lines.find((line) => line.includes("[emerg]")) ?? lines.at(-1) ?? "it said nothing";
  return new AppError(
    "PROXY_DOWN",
    `Cannot start nginx: ${child.failure() ?? "it is not up"}: ${words.replace(/^nginx: /, "")}`,
    {
      hint: "Mend what nginx names, or correct reload.supervise. The checked files are in place, and it is started again by itself",
    },
  );
}

/** What is seen of a master that does not run, or runs where this process cannot see it. */
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
