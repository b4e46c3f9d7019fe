import { randomBytes } from "node:crypto";
import { mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { dirname, join, relative, resolve } from "node:path";
import type { ProxyConfig } from "../../config/proxy-schema.ts";
import { AppError, messageOf } from "../../errors.ts";
import { kindOf } from "../../proxy/proxy-kinds.ts";
import { builtinFile } from "../../template/builtin-files.ts";

/**
 * Writes a config, a template and its test cases, which pass `check` and `test` unchanged. Writes nothing when one of
 * the files exists. Returns the exit code.
 *
 * @throws {AppError} USAGE when a file exists, or the directory cannot be written
 */
export async function init(kind: ProxyConfig["kind"], to: string): Promise<number> {
  const directory = resolve(to);
  const from = builtinFile(`starter/${kind}`);
  const files = (await filesBelow(from)).map((file) => relative(from, file)).toSorted();
  await refuseExisting(directory, files);
  const filled = { directory, secret: randomBytes(32).toString("hex") };
  try {
    for (const name of kindOf({ kind }).starterDirectories) {
      await mkdir(join(directory, name), { recursive: true });
    }
    for (const file of files) {
      const text = await readFile(join(from, file), "utf8");
      await mkdir(dirname(join(directory, file)), { recursive: true });
      const mode = file === "secret" ? 0o600 : 0o644;
      await writeFile(join(directory, file), fill(text, filled), { flag: "wx", mode });
    }
  } catch (cause) {
    throw new AppError("USAGE", `Cannot write the starter as ${messageOf(cause)}`, {
      hint: "Name a directory that this user may write",
      cause,
    });
  }
  process.stdout.write(nextSteps(files, to));
  return 0;
}

async function refuseExisting(directory: string, files: readonly string[]): Promise<void> {
  const there = await Promise.all(
    files.map(async (file) => {
      try {
        await stat(join(directory, file));
        return [file];
      } catch {
        return [];
      }
    }),
  );
  if (there.flat().length === 0) return;
  throw new AppError(
    "USAGE",
    `Cannot write the starter as ${there.flat().join(", ")} exists already in "${directory}"`,
    { hint: "Name another directory: nothing is overwritten" },
  );
}

/** Fills in the placeholders. The starter has its paths in quotes, so quotes in the directory's name are escaped. */
function fill(text: string, { directory, secret }: { directory: string; secret: string }): string {
  const quoted = directory.replace(/["\\]/g, "\\$&");
  return text.replaceAll("@directory@", () => quoted).replaceAll("@secret@", secret);
}

async function filesBelow(directory: string): Promise<readonly string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  return entries.filter((it) => it.isFile()).map((it) => join(it.parentPath, it.name));
}

function nextSteps(files: readonly string[], to: string): string {
  const config = join(to, "fairlead.yaml");
  const written = files.map((file) => `  ${join(to, file)}\n`).join("");
  return `wrote
${written}next
  fairlead check -c ${shellWord(config)}
  fairlead test ${shellWord(to)}
  fairlead run -c ${shellWord(config)}
`;
}

/** A word for a shell, which the reader can copy. */
const shellWord = (text: string): string =>
  /^[\w./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
