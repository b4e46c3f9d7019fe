import { fileURLToPath } from "node:url";

/** The directory of the built-in templates, their partials and the starters. The bundle and the sources are equally deep. */
const DIRECTORY = new URL("../../templates/", import.meta.url);

/** The path of a built-in file, such as `nginx/service-proxy.conf` or `partials/`. */
export const builtinFile = (path: string): string => fileURLToPath(new URL(path, DIRECTORY));
