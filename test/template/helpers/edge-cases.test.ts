import { describe, expect, test } from "vitest";
import { parseConfig } from "../../../src/config/load-config.ts";
import { templateEnvironment } from "../../../src/config/template-environment.ts";
import { renderExample } from "../../helpers/render-example.ts";

describe("helpers at their edges", () => {
  test.each([
    ["{{and 1 0 2}} {{and 1 2}} {{or 0 ''}}|{{or 0 3}}", "0 2 |3"],
    ['{{#if (and values.none "x")}}y{{else}}n{{/if}}', "n"],
    ['{{json (dict "__proto__" 1 "constructor" 2)}}', '{"__proto__":1,"constructor":2}'],
    ['{{json (explodeMap (dict "__proto__/x" 1))}}', '{"__proto__":{"x":1}}'],
    ['{{default (get (dict "a" 1) "constructor.name") "none"}}', "none"],
    [
      '{{printf "%5d|%-5s|%05.1f|%x|%q|%t|%%|%+d" 42 "ab" -2.25 255 "x" true 3}}',
      '   42|ab   |-02.3|ff|"x"|true|%|+3',
    ],
    [
      '{{timestamp "Mon Jan _2 15:04:05 MST 2006, 3:4PM 06 Z07:00"}}',
      "Fri Jan  2 03:04:05 UTC 2026, 3:4AM 26 Z",
    ],
    ['{{regexReplaceAll "ab" "(a)(z)?" "[$1|$2|${nope}|$$|$9]"}}', "[a|||$|]b"],
    ['{{join (sort (list "10" "9" 10 9)) ","}}', "9,10,10,9"],
    ['{{byMeta (service "web") "zone,none|int"}}', undefined],
    ['{{#each (byMeta (service "web") "zone,none|int")}}{{@key}} {{/each}}', "a_00000 b_00000 "],
    ["{{length (loop 3 1)}}{{length (loop 0)}}", "00"],
    [
      '{{json (merge (dict "a" (dict "x" 1)) (dict "a" (dict "x" 2 "y" 3)))}}',
      '{"a":{"x":1,"y":3}}',
    ],
    [
      '{{hostOf "::1"}} {{hostOf "http://u:p@[::1]:8/x"}} {{default (portOf "::1") "-"}}',
      "::1 ::1 -",
    ],
    ['{{inSubnet "::1" "10.0.0.0/8"}} {{inSubnet "fd00::1" "fd00::/8"}}', "false true"],
    ['{{#if (node "none")}}y{{else}}n{{/if}} {{#with (node)}}{{name}}{{/with}}', "n n1"],
    ['{{#each (service name="web" tag="v1")}}{{id}}{{/each}}', "web-1"],
    ['{{#each (preparedQuery "nearest-web")}}{{datacenter}}{{/each}}', "dc2"],
    ['{{trim "xxaxx" "x"}}{{trim "  "}}|', "a|"],
    ['{{indent "a\n\nb" 1}}', " a\n\n b"],
  ])("%s", (source, expected) => {
    if (expected === undefined) expect(() => renderExample(source)).toThrow("an object");
    else expect(renderExample(source)).toBe(expected);
  });

  test.each([
    ['{{fail "not so"}}', "fail: not so"],
    ['{{regexMatch "a" "(a"}}', "regexMatch: PATTERN must be a pattern in RE2's syntax: "],
    ['{{regexMatch "a" "a(?=b)"}}', "PATTERN must be a pattern in RE2's syntax"],
    ['{{base64Decode "%%"}}', 'base64Decode: TEXT must be Base64, got "%%"'],
    ['{{parseJSON "{"}}', "parseJSON: TEXT must be JSON: "],
    ['{{parseYAML "a: [" }}', "parseYAML: TEXT must be YAML: "],
    ['{{parseTOML "a =" }}', "parseTOML: TEXT must be TOML: "],
    ["{{divide 1 0}}", "divide: B must be another number than 0, got 0"],
    ['{{parseInt "1.5"}}', 'parseInt: TEXT must be a whole number, got "1.5"'],
    ["{{loop 1000000}}", "loop: the count of numbers must be a whole number from 0 to 100000"],
    ['{{printf "%d"}}', "printf: FORMAT has more verbs than the 0 values"],
    ['{{printf "%d" "x"}}', 'printf: a VALUE for %d must be a number, got "x"'],
    ['{{mustEnv "NONE"}}', "mustEnv: NAME must be an environment variable that is set"],
    ['{{inSubnet "10.0.0.1" "10.0.0.0/33"}}', "inSubnet: SUBNET must be a subnet"],
    ['{{sockaddr "GetMac"}}', "sockaddr: WHAT must be GetPrivateIP"],
    ['{{dict "a"}}', "dict: KEY and VALUE must come in pairs, got 1 arguments"],
    ["{{services 5}}", "services: the argument must be text in quotes, got 5"],
    ['{{service "web" dc=5}}', "dc= wants text"],
    ['{{nodes near=""}}', 'nodes: near= must be text, got ""'],
    ['{{sortBy (list (dict "a" (list))) "a"}}', undefined],
  ])("%s is refused", (source, message) => {
    if (message === undefined) expect(() => renderExample(source)).toThrow("a list cannot");
    else expect(() => renderExample(source)).toThrow(message);
  });
});

test("a pattern cannot make a render hang: its work is bounded", () => {
  const start = performance.now();
  expect(renderExample(`{{regexMatch "${"a".repeat(5_000)}" "(a*)*b"}}`)).toBe("false");
  expect(() =>
    renderExample(`{{regexMatch "${"a".repeat(50_000)}" "(((a{1,10}){1,10}){1,10})$"}}`),
  ).toThrow("TEXT must be shorter than 50000 characters for this PATTERN");
  expect(performance.now() - start).toBeLessThan(10_000);
});

test.each(["safeLs", "safeTree"])("%s waits while there are no keys", (helper) => {
  expect(() => renderExample(`{{#each (${helper} "nope")}}{{/each}}`)).toThrow(
    'it waits for tree "nope/"',
  );
});

test("what writes nothing may stand where no value could, and takes its line with it", () => {
  const source = `{{scratchSet "port" 80}}
server {
  {{scratchMapSet "m" "a" 1}}
  listen {{scratchGet "port"}}; {{scratchSet "port" 81}}
{{#if true}}
  {{scratchSet "port" 82}}
{{/if}}
  listen {{scratchGet "port"}};
}
`;
  expect(renderExample(source, { format: "nginx" })).toBe(
    "server {\n  listen 80; \n  listen 82;\n}\n",
  );
});

test("templates do not see the config's secrets in the environment", () => {
  const environment = {
    CONSUL_HTTP_TOKEN: "t-123456",
    FAIRLEAD_TOKEN: "unused",
    MY_TOKEN: "admin-secret",
    URL: "http://x?token=admin-secret",
    REGION: "eu",
  };
  const config = parseConfig(
    "admin: { token: '${MY_TOKEN}' }\nproxies: [{ name: edge, kind: nginx, files: [{ template: a, path: b }] }]",
    { file: "fairlead.yaml", environment },
  );
  expect(config.environment).toEqual({ REGION: "eu" });
  expect(templateEnvironment(environment, config)).toEqual({ REGION: "eu" });
});
