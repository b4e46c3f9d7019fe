type ExitCodes = Readonly<Record<number, string>>;

const WRONG_INPUT = "the config, a file or an argument is wrong";
const NOT_ASKED = `${WRONG_INPUT}, or the daemon does not answer`;

/** The exit codes of each command, by its name. */
export const EXIT_CODES: Readonly<Record<string, ExitCodes>> = {
  run: {
    0: "it ended as asked; with --once, every proxy is live",
    1: "with --once, a proxy was refused, failed or held",
    2: WRONG_INPUT,
  },
  render: {
    0: "everything is rendered",
    1: "a template fails, or something is left out",
    2: WRONG_INPUT,
  },
  check: { 0: "there is no error", 1: "there are errors", 2: WRONG_INPUT },
  snapshot: { 0: "the catalog is printed", 2: WRONG_INPUT },
  status: {
    0: "every proxy serves what is desired",
    1: "a proxy does not serve what is desired, or the fallback catalog is in use",
    2: NOT_ASKED,
  },
  history: { 0: "the history is printed", 2: NOT_ASKED },
  pause: { 0: "the proxy is paused", 1: "the daemon refused", 2: NOT_ASKED },
  resume: { 0: "what is desired is live", 1: "it did not go live", 2: NOT_ASKED },
  accept: {
    0: "the change is live",
    1: "nothing is held, or the change did not go live",
    2: NOT_ASKED,
  },
  rollback: {
    0: "the generation is live",
    1: "there is no such generation, or it did not go live",
    2: NOT_ASKED,
  },
  test: { 0: "every case passed", 1: "a case failed", 2: WRONG_INPUT },
  init: { 0: "the files are written", 2: "a file exists already, or cannot be written" },
  helpers: { 0: "the helpers are printed", 2: "there is no such helper" },
  schema: { 0: "the schema is printed", 2: "an argument is wrong" },
};
