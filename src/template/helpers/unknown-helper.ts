import { nearestName } from "../../config/nearest-name.ts";
import { TemplateFault } from "../template-error.ts";

/** The fault for a helper that is not there. */
export function unknownHelper(name: string, known: Iterable<string>): TemplateFault {
  const nearest = nearestName(name, known);
  return new TemplateFault(`unknown helper "${name}"`, {
    hint:
      nearest === undefined
        ? "List the helpers with fairlead helpers"
        : `Did you mean "${nearest}"?`,
  });
}
