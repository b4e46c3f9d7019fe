/** What is wrong with one `${…}` of a text. */
export interface InterpolationFault {
  readonly variable: string;
  readonly reason: string;
}

/**
 * Replaces `${VAR}` and `${VAR:-default}` by the environment's values, and `$${` by a plain `${`.
 *
 * A default stands in when the variable is not set or empty, as in a shell. A value is taken as text:
 * it cannot become YAML, nor is it looked at for further variables.
 *
 * @returns the text and the faults; the text is of no use when there are any
 */
export function interpolate(
  text: string,
  environment: Readonly<Record<string, string | undefined>>,
): { readonly text: string; readonly faults: readonly InterpolationFault[] } {
  const faults: InterpolationFault[] = [];
  const replaced = text.replaceAll(
    /\$\$\{|\$\{([^}:]*)(?::-([^}]*))?\}?/g,
    (match, variable: string | undefined, fallback: string | undefined) => {
      if (match === "$${") return "${";
      const fault = faultOf(match, variable ?? "", fallback, environment);
      if (fault !== undefined) faults.push({ variable: variable ?? "", reason: fault });
      return environment[variable ?? ""] || (fallback ?? environment[variable ?? ""] ?? "");
    },
  );
  return { text: replaced, faults };
}

function faultOf(
  match: string,
  variable: string,
  fallback: string | undefined,
  environment: Readonly<Record<string, string | undefined>>,
): string | undefined {
  if (!match.endsWith("}")) return `"${match}" is not closed`;
  if (!/^[A-Za-z_]\w*$/.test(variable)) return `"${match}" does not name a variable`;
  if (fallback === undefined && environment[variable] === undefined) {
    return `the environment variable ${variable} is not set`;
  }
  return undefined;
}
