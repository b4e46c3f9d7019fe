import type { FileFormat } from "../config/file-format.ts";

/** One file of a candidate: where it will live, and where its bytes wait to be checked. */
export interface CandidateFile {
  /** Absolute path that the proxy reads. */
  readonly path: string;
  /** Absolute path of the staged bytes: the very file that will be renamed to `path`. */
  readonly stagedPath: string;
  /** What they spell. */
  readonly text: string;
  readonly format: FileFormat;
}

/** A complete set of files that a proxy may be given next. The first file is the one the config names first. */
export interface Candidate {
  readonly files: readonly CandidateFile[];
  /** Absolute paths of live files that the candidate removes. */
  readonly removed: readonly string[];
}

/** One numbered set of files that is in place on disk. */
export interface Generation {
  readonly number: number;
  /** Twelve hexadecimal digits of a hash over paths and bytes: equal bytes, equal id. */
  readonly id: string;
  /** Absolute paths, in the config's order. */
  readonly paths: readonly string[];
}

/** `output` holds the proxy's own words, with live paths in place of staged ones. */
export type CheckResult =
  | { readonly ok: true }
  | {
      readonly ok: false;
      readonly output: string;
      readonly hint: string;
      /** The line that the proxy names: the live path of a candidate's file, and the line from 1. */
      readonly at?: { readonly path: string; readonly line: number };
    };

/** Evidence that the running proxy serves a generation. */
export interface Proof {
  /** One clause for the log, such as `2 new workers of master 4711`. */
  readonly evidence: string;
  /**
   * Names the running process and what it loaded, so that a later start can tell whether it is still
   * the same one, such as `4711@123456`.
   */
  readonly identity: string;
}

/** What the pipeline needs from a proxy. Each kind of proxy lives in its own folder and implements this. */
export interface ProxyDriver {
  /** Asks the proxy's own binary about the candidate, in full context. Touches nothing live. */
  check(candidate: Candidate, signal: AbortSignal): Promise<CheckResult>;
  /**
   * Has the running proxy load the files that are in place.
   *
   * @throws {AppError} RELOAD_FAILED when the proxy refused, PROXY_DOWN when there is no running proxy to tell.
   */
  reload(generation: Generation, signal: AbortSignal): Promise<void>;
  /**
   * Resolves once the running proxy serves `generation`, after {@link ProxyDriver.reload}.
   *
   * @throws {AppError} NOT_PROVED, with the proxy's own words.
   */
  prove(generation: Generation, signal: AbortSignal): Promise<Proof>;
  /**
   * Whether the running proxy already serves `generation`, judged without changing anything.
   *
   * @param lastProof the proof recorded when the generation went live, if any
   */
  serves(
    generation: Generation,
    lastProof: Proof | undefined,
    signal: AbortSignal,
  ): Promise<boolean>;
  /**
   * Starts what the driver itself is to keep running, or takes it over from an earlier Fairlead. Comes before
   * anything else, and again after the config was read again.
   *
   * @param live what went live last; without it the proxy is started with the first generation
   */
  open(live: Generation | undefined): Promise<void>;
  /**
   * Calls `onLost` whenever the running proxy may no longer serve what was proved last, as after a restart.
   * Ends once `signal` aborts.
   */
  watch(onLost: (why: string) => void, signal: AbortSignal): void;
  /** How many processes of earlier generations still serve their last connections. */
  draining(): number;
  /** Lets a proxy that the driver itself keeps running reopen its log files. */
  reopenLogs(): void;
  /** Ends what the driver itself keeps running: gracefully, and by force within a second after `reload.stopTimeout`. */
  close(): Promise<void>;
}
