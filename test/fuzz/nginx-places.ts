import { join } from "node:path";
import type { PlaceTemplate } from "./hostile-catalog.ts";

/** Each place of nginx that takes any text, in directives that accept whatever a value is. */
export const nginxPlaces = (port: number): PlaceTemplate => ({
  format: "nginx",
  before: `map_hash_bucket_size 8192;\nmap_hash_max_size 65536;\nserver {\n  listen 127.0.0.1:${port};\n`,
  after: "}\n",
  places: {
    word: "  location = /N { return 200 VALUE; }",
    double: '  location = /N { return 200 "VALUE"; }',
    single: "  location = /N { return 200 'VALUE'; }",
    inWord: "  location = /N { return 200 pre-VALUE-post; }",
    inString: '  location = /N { return 200 "pre VALUE post"; }',
    comment: "  location = /N { # VALUE\n    return 200 comment; }",
    header: '  location = /N { add_header X-Value "VALUE"; return 200 header; }',
    regex: '  location ~ "^/N/VALUE$" { return 200 regex; }',
    bareRegex: "  location ~ ^/N/VALUE$ { return 200 regex; }",
    rewrite: '  location = /N { rewrite "^/N/VALUE$" /x; return 200 rewrite; }',
    condition: '  location = /N { if ($http_x ~ "VALUE") { return 201 x; } return 200 condition; }',
    prefix: "  location VALUE { return 200 N; }",
  },
});

/** Keys of a map, which have a block of their own. */
export const nginxMap: PlaceTemplate = {
  format: "nginx",
  before: "map_hash_bucket_size 16384;\nmap_hash_max_size 65536;\nmap $http_x $mapped {\n",
  after: "}\n",
  places: {
    key: "  VALUE N;",
    quotedKey: '  "VALUE" N;',
    singleKey: "  'VALUE' N;",
    value: "  kN VALUE;",
    quotedValue: '  kN "VALUE";',
  },
};

/** A main file that includes `conf.d/*.conf` and leaves nothing outside of `directory`. */
export function mainFile(directory: string): string {
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((name) => `${name}_temp_path ${join(directory, name)};`)
    .join(" ");
  return `pid ${join(directory, "nginx.pid")};\nerror_log ${join(directory, "error.log")};\nevents {}\nhttp { access_log off; ${temporary}\n  include ${join(directory, "conf.d/*.conf")};\n}\n`;
}
