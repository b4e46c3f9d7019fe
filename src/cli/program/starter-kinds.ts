import { readdirSync } from "node:fs";
import { builtinFile } from "../../template/builtin-files.ts";

/** The kinds of proxies that there is a starter for. Read from the disk, as loading the config's schema takes long. */
export const starterKinds = (): readonly string[] => readdirSync(builtinFile("starter")).toSorted();
