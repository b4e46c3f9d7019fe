/** Reads a variable by its name without the prefix `FAIRLEAD_`. One that is empty counts as not set. */
export type ReadVariable = (name: string) => string | undefined;

/** One key of the config, or none when nothing is set. */
export function section(
  key: string,
  value: string | Readonly<Record<string, unknown>> | undefined,
): Readonly<Record<string, unknown>> {
  const isSet =
    typeof value === "object"
      ? Object.values(value).some((it) => it !== undefined)
      : value !== undefined;
  return isSet ? { [key]: value } : {};
}

/** The arguments of a command. No quotes: a command that needs them belongs in a config file. */
export const words = (text: string | undefined): readonly string[] | undefined =>
  text?.split(/\s+/).filter((word) => word !== "");
