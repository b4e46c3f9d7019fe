import fc from "fast-check";

/** Pieces that end, open or change something in nginx, in VCL, or in both. */
const PIECES = [
  ..."; } { \" ' \\ # $ ` ~ @ = ^ * ( ) [ ] | + ? . , : / & ! % < >".split(" "),
  ...[" ", "\t", "\n", "\r", "\0", "\u0085", "\u2028", "\u00a0", "\ufeff", "\u{1f600}", "\u0001"],
  ...["a; x 1", "a; } server {", "} server { listen 1; ", '\\"', "\\'", "\\\\", "$host", "${x}"],
  ...["include /etc/passwd;", "load_module x;", "default", "include", "hostnames", "volatile"],
  ...["unix:/run/docker.sock", "~", "~*", "^~", "#x", "# ", "//", "/*", "*/", 'x"; } sub x {'],
  ...[
    '"}',
    '{"',
    '"""',
    "C{",
    "}C",
    "EOF\n",
    "<< EOF",
    "import std;",
    "return (pass);",
    "vcl 4.1;",
  ],
  ...["set", "if", "sub", "req.http.x", "1s", "10KB", "127.0.0.1", "::1", "[::1]", "(a+)+$", "\\1"],
  ...["%0d%0a", "\r\nX: y", "GET / HTTP/1.1", "https://", "..", "../../x", "é", "ÿ", "−", "\ud800"],
  "a".repeat(300),
  "a".repeat(5_000),
];

/** Texts that somebody with write access to a registration may try. */
export const hostileValue: fc.Arbitrary<string> = fc
  .oneof(
    {
      weight: 4,
      arbitrary: fc
        .array(fc.constantFrom(...PIECES), { minLength: 1, maxLength: 5 })
        .map((it) => it.join("")),
    },
    {
      weight: 2,
      arbitrary: fc.tuple(word(), fc.constantFrom(...PIECES), word()).map((it) => it.join("")),
    },
    { weight: 1, arbitrary: fc.string({ unit: "binary", maxLength: 20 }) },
    { weight: 1, arbitrary: word() },
  )
  .filter((it) => it !== "");

function word(): fc.Arbitrary<string> {
  return fc.stringMatching(/^[a-z][a-z0-9_.-]{0,8}$/);
}

/** The values that the project's facts name, each a case of its own. */
export const KNOWN_VALUES: readonly string[] = [
  ...["a; x 1", "a; } server {", "a\nb", "a\rb", "a\0b", "#x", 'a"', "a'", "a\\", '\\"', "a b"],
  ...["$host", "${x}", "a".repeat(4_096), "unix:/run/x.sock", "fe80::1%lo", "::1", "a{", "~ ^/x"],
  ...[
    'x"; } sub x {',
    '"}',
    "x\ny",
    "*/",
    "a.b",
    "1a",
    "if",
    "a-b",
    "a_b",
    "a b.c",
    "x\r\nHost: y",
  ],
  "(a+)+$",
];
