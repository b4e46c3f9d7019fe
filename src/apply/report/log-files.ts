import type { Log } from "../../log.ts";
import type { PipelineEvents } from "../pipeline-events.ts";

/** Logs what becomes of files that Fairlead did not write, or that somebody else changed. */
export function logFiles(log: Log): Pick<PipelineEvents, "drifted" | "formerKept"> {
  return {
    drifted(files) {
      for (const { path, how } of files) {
        log.warn(
          { path, drift: how, hint: "Change the template instead: Fairlead owns this file" },
          `drift: "${path}" was ${how === "unreadable" ? "made unreadable" : how} by somebody else; it is put right`,
        );
      }
    },
    formerKept({ kept, copies }) {
      const hint = "`fairlead rollback NAME 0` brings them back";
      if (kept.length > 0)
        log.warn(
          { files: kept, generation: 0, hint },
          `kept as generation 0, as Fairlead did not write it: ${kept.join(", ")}`,
        );
      for (const path of copies)
        log.warn(
          { path, hint: "Copy it back by hand where it is needed" },
          `kept as a copy, as it is no text in UTF-8 and Fairlead did not write it: ${path}`,
        );
    },
  };
}
