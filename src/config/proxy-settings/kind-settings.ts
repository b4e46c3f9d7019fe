import type { z } from "zod";
import type { ReadVariable } from "../environment-section.ts";
import type { FileFormat } from "../file-format.ts";

/** What the config has to know about one kind of proxy. */
export interface KindSettings<Schema extends z.ZodType> {
  readonly schema: Schema;
  /** The format of a file entry that names none. */
  readonly defaultFormat: FileFormat;
  /** Resolves the relative paths in the keys that only this kind has. */
  resolvePaths(proxy: z.infer<Schema>, at: (path: string) => string): z.infer<Schema>;
  /** The proxy that variables such as FAIRLEAD_NGINX_FILE describe: what a config file would hold. */
  proxyFromEnvironment(read: ReadVariable): object;
  /** What variables set below `values`, by the kind's own key there. */
  valuesFromEnvironment(read: ReadVariable): Readonly<Record<string, unknown>>;
}
