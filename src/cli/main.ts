#!/usr/bin/env node
import module from "node:module";
import { fileURLToPath } from "node:url";
import { CommanderError } from "commander";
import { AppError, formatError } from "../errors.ts";
import { createProgram } from "./program.ts";

/* Parses the command line and runs one command. */

keepCompiledCode();

try {
  await createProgram().parseAsync();
} catch (error) {
  process.exitCode = report(error);
}

/**
 * Where Node can (from 22.1 on), compiled code is kept for the next start: beside the program, where nobody can
 * plant any who could not replace the program itself. A directory that cannot be written is no fault.
 */
function keepCompiledCode(): void {
  const { enableCompileCache } = module as { enableCompileCache?: (directory: string) => unknown };
  enableCompileCache?.(fileURLToPath(new URL("../compiled/", import.meta.url)));
}

/** Prints an expected failure with its next step. A bug keeps its stack. Returns the exit code. */
function report(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (!(error instanceof AppError)) throw error;
  process.stderr.write(formatError(error));
  return 2;
}
