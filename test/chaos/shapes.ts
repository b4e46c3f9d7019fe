import type { Uses } from "./expected.ts";

/** A way to write a proxy's files. */
export interface Shape {
  readonly name: string;
  readonly kind: "nginx" | "varnish";
  readonly uses: Uses;
  /** Templates by the name of the output; absent for the built-in one. PORT is where nginx is to listen. */
  readonly templates?: Readonly<Record<string, string>>;
  /** Whether each service has a file of its own, from the template `each.conf`, and a host of its own. */
  readonly isEach?: boolean;
}

const LIST = '{{#each (service name)}}{{id}}:{{or meta.weight "1"}} {{/each}}';
const ROUND = 'location = /round { return 200 {{key "chaos/round"}}; }';
const ONE_LINE = `{{#each (services)}}upstream {{identifier name}} { {{#each (service name)}}server {{hostPort address port}} weight={{or meta.weight "1"}};{{/each}} } {{/each}}`;
const LOCATIONS = `{{#each (services)}}location = /s/{{name}} { return 200 "${LIST}"; }
{{/each}}`;

export const SHAPES: readonly Shape[] = [
  {
    name: "all-on-one-line",
    kind: "nginx",
    uses: { weight: "optional", redirects: true },
    templates: {
      site: `${ONE_LINE}
server { listen PORT; ${ROUND}
{{#each (ls "edge/redirects")}}location = /r/{{key}} { return 301 {{value}}; } {{/each}}
${LOCATIONS} }
`,
    },
  },
  {
    name: "each-on-its-own-line",
    kind: "nginx",
    uses: { weight: "required", tag: true },
    templates: {
      site: `{{#each (services)}}
upstream {{identifier name}} {
  {{#each (service name)}}
  server {{hostPort address port}} weight={{meta.weight}} {{tags.[0]}};
  {{/each}}
}
{{/each}}
server { listen PORT; ${ROUND}
${LOCATIONS} }
`,
    },
  },
  {
    name: "keys-and-files",
    kind: "nginx",
    uses: { redirects: true, title: true, motd: true },
    templates: {
      site: `{{#each (services)}}
upstream {{identifier name}} { {{#each (service name)}}server {{hostPort address port}}; {{/each}} }
{{/each}}
server { listen PORT; ${ROUND}
location = /title { return 200 {{key "app/title"}}; }
location = /motd { return 200 {{file "motd.txt"}}; }
{{#each (ls "edge/redirects")}}
location = /r/{{key}} {
  return 301 {{value}};
}
{{/each}}
{{#each (services)}}location = /s/{{name}} { return 200 "{{#each (service name)}}{{id}}:1 {{/each}}"; }
{{/each}} }
`,
    },
  },
  {
    name: "nodes-in-a-second-file",
    kind: "nginx",
    uses: { weight: "optional", nodes: true },
    templates: {
      upstreams: `${ONE_LINE}\n`,
      zsite: `server { listen PORT; ${ROUND}
{{#each (nodes)}}location = /n/{{name}} { set $rack {{meta.rack}}; return 200 $rack; }
{{/each}}
${LOCATIONS} }
`,
    },
  },
  {
    name: "a-file-for-each-service",
    kind: "nginx",
    uses: { weight: "optional" },
    isEach: true,
    templates: {
      each: `upstream {{identifier name}} { {{#each (service name)}}server {{hostPort address port}} weight={{or meta.weight "1"}}; {{/each}} }
server { listen PORT; server_name {{name}}.test; location = /s/{{name}} { return 200 "${LIST}"; } }
`,
      round: `server { listen PORT default_server; ${ROUND} }\n`,
    },
  },
  {
    name: "own-vcl",
    kind: "varnish",
    uses: { weight: "required" },
    templates: {
      site: `vcl 4.1;
backend default none;
{{#each (services)}}{{#each (service name)}}backend {{identifier id}} { .host = "{{address}}"; .port = "{{port}}"; .max_connections = {{meta.weight}}; }
{{/each}}{{/each}}
sub vcl_recv {
  if (req.url == "/round") { return (synth(200, "{{key "chaos/round"}}")); }
{{#each (services)}}  if (req.url == "/s/{{name}}") {
    set req.http.x-{{name}} = "1";
    {{#each (service name)}}set req.backend_hint = {{identifier id}}; {{/each}}
    return (synth(200, "${LIST}"));
  }
{{/each}}  return (synth(404));
}
sub vcl_synth { synthetic(resp.reason); return (deliver); }
`,
    },
  },
  { name: "built-in-nginx", kind: "nginx", uses: { routes: true } },
  { name: "built-in-varnish", kind: "varnish", uses: { routes: true } },
];
