vcl 4.1;
# Written by Fairlead from builtin:varnish/service-proxy.vcl; changes made here are overwritten.
{{#if (eq part.kind "whole")}}
# Generation {{generation}}
{{/if}}
#
# Varnish's built-in VCL follows this one: it caches no requests with cookies or Authorization, and no responses
# that set cookies. Settings in the config's `values.varnish`, with their defaults:
#   grace          how long a stale response is served while a service is unhealthy   10m
#   trustForwarded trust X-Forwarded-Proto and X-Forwarded-Host                       false

import directors;
import std;

{{#if (ne part.kind "boot")}}
# Clients that may PURGE, and ask for the generation.
acl fairlead_local {
  "127.0.0.0"/8;
  "::1";
}

{{/if}}
backend default none;
{{#if (eq part.kind "boot")}}

# A placeholder until the parts are loaded. Start varnishd with `-I` and the .cli file beside this one to load them.
sub vcl_recv {
  return (synth(503));
}
{{else if (eq part.kind "generation")}}

sub vcl_recv {
  if (client.ip ~ fairlead_local) {
    return (synth(200, "{{generation}}"));
  }
  return (synth(404));
}
{{else}}
{{#if (ne part.kind "top")}}
{{#each part.routes}}
{{#if servers}}

# {{name}}: {{#if host}}{{host}}{{/if}}{{path}}, servers: {{length servers}}
{{#each servers}}
backend b_{{../name}}_{{@index}} {
  .host = "{{address}}";
  .port = "{{port}}";
  .connect_timeout = 2s;
{{#if ../timeoutMs}}
  .first_byte_timeout = {{seconds ../timeoutMs}};
  .between_bytes_timeout = {{seconds ../timeoutMs}};
{{/if}}
{{#if maxconn}}
  .max_connections = {{maxconn}};
{{/if}}
{{#if ../probe}}
  .probe = {
    .url = "{{../probe}}";
    .interval = 2s;
    .timeout = 1s;
    .window = 4;
    .threshold = 2;
    .initial = 1;
  }
{{/if}}
}
{{/each}}
{{/if}}
{{/each}}

sub vcl_init {
  new fairlead_keys = directors.shard(); # has no backends: only makes keys of texts
  new fairlead_turn = directors.shard_param(); # which server of a ring is the next one for this fetch
  new fairlead_first = directors.shard_param(); # the server that failed first, as a key
{{#each part.routes}}
{{#if servers}}
{{#if (or sticky (eq balance "hash"))}}
  new d_{{name}} = directors.shard();
{{#each servers}}
  d_{{../name}}.add_backend(b_{{../name}}_{{@index}}, weight={{weight}});
{{/each}}
  d_{{name}}.reconfigure();
{{else if (uniformWeights servers)}}
  new d_{{name}} = directors.round_robin();{{#if (eq balance "least_conn")}} # Varnish cannot balance by connections{{/if}}
{{#each servers}}
  d_{{../name}}.add_backend(b_{{../name}}_{{@index}});
{{/each}}
{{else}}
  new d_{{name}} = directors.random();
{{#each servers}}
  d_{{../name}}.add_backend(b_{{../name}}_{{@index}}, {{weight}});
{{/each}}
{{/if}}
{{#unless (or sticky (eq balance "hash") (eq (length servers) 1) (eq retries 0))}}
  new r_{{name}} = directors.shard(); # the order of retries
{{#each servers}}
  r_{{../name}}.add_backend(b_{{../name}}_{{@index}}, weight={{weight}});
{{/each}}
  r_{{name}}.reconfigure(replicas=16);
{{/unless}}
{{/if}}
{{/each}}
  return (ok);
}
{{/if}}

# Finds the route of a request. Routes with a host come before routes for every host, long paths before short ones.
sub fairlead_route {
{{#each part.routes}}
  {{#unless @first}}else {{/unless}}if ({{#if host}}{{#if (startsWith host "*.")}}req.http.X-Fairlead-Host ~ "{{slice host 1}}$"{{else}}req.http.X-Fairlead-Host == "{{host}}"{{/if}}{{#unless (eq path "/")}} && {{/unless}}{{else if (eq path "/")}}true{{/if}}{{#unless (eq path "/")}}req.url ~ "^{{path}}(/|\?|$)"{{/unless}}) {
{{#if (eq @root.part.kind "top")}}
    return (vcl({{lookup @root.part.labels name}}));
{{else}}
    set req.http.X-Fairlead-Route = "{{name}}";
{{#if servers}}
{{#if strip}}
    if (req.url ~ "^{{path}}(\?|$)") {
      set req.http.X-Fairlead-Location = regsub(req.url, "^{{path}}", "{{path}}/");
      return (synth(308));
    }
    set req.http.X-Fairlead-Url = regsub(req.url, "^{{path}}", "");
{{/if}}
{{#if (eq sticky.by "cookie")}}
    set req.http.X-Fairlead-Key = regsub(req.http.Cookie, "^(?:.*?;\s*)?{{sticky.cookie}}=([^;]*).*$", "\1");
    if (req.http.X-Fairlead-Key == req.http.Cookie || req.http.X-Fairlead-Key == "") {
      set req.http.X-Fairlead-Key = "" + client.ip; # the client has no cookie yet
    }
{{else if (eq sticky.by "address")}}
    set req.http.X-Fairlead-Key = "" + client.ip;
{{else if (eq balance "hash")}}
    set req.http.X-Fairlead-Key = req.url;
{{/if}}
{{#if (or sticky (eq balance "hash"))}}
    set req.backend_hint = d_{{name}}.backend(by=KEY, key=fairlead_keys.key(req.http.X-Fairlead-Key));
{{else}}
    set req.backend_hint = d_{{name}}.backend();
{{/if}}
{{else}}
    set req.backend_hint = default; # no healthy instance: only the cache can answer
{{/if}}
{{/if}}
  }
{{/each}}
}

sub vcl_recv {
  unset req.http.Proxy; # httpoxy
  unset req.http.X-Fairlead-Route;
  unset req.http.X-Fairlead-Url;
  unset req.http.X-Fairlead-Key;
  unset req.http.X-Fairlead-Location;
  set req.http.X-Fairlead-Host = std.tolower(regsub(req.http.Host, ":\d+$", ""));

  if (req.url ~ "^/__fairlead(/|\?|$)") {
{{#if (eq part.kind "top")}}
    if (req.url == "/__fairlead/generation") {
      return (vcl({{part.generationLabel}}));
    }
{{/if}}
{{#if (eq part.kind "whole")}}
    if (req.url == "/__fairlead/generation" && client.ip ~ fairlead_local) {
      return (synth(200, "{{generation}}"));
    }
{{/if}}
    return (synth(404));
  }
  if (req.method == "PURGE" && client.ip !~ fairlead_local) {
    return (synth(405));
  }

{{#unless values.varnish.trustForwarded}}
  set req.http.X-Forwarded-Proto = "http";
  set req.http.X-Forwarded-Host = req.http.Host;
{{/unless}}
  call fairlead_route;
  if (!req.http.X-Fairlead-Route) {
    if (req.url ~ "^/(\?|$)") {
      return (synth(200, "fairlead"));
    }
    return (synth(404));
  }
{{#if (ne part.kind "top")}}
  if (req.method == "PURGE") {
    return (purge);
  }
  if (std.healthy(req.backend_hint)) {
    set req.grace = 10s;
  }
  if (req.http.Upgrade ~ "(?i)^websocket$") {
    if (!std.healthy(req.backend_hint)) {
      return (synth(503));
    }
    return (pipe);
  }
{{/if}}
}
{{#if (ne part.kind "top")}}

sub vcl_hash {
  hash_data(req.http.X-Fairlead-Route);
}

sub vcl_pipe {
  set bereq.http.Upgrade = req.http.Upgrade;
  set bereq.http.Connection = req.http.Connection;
  call fairlead_clean;
}

sub vcl_backend_fetch {
  if (bereq.http.X-Fairlead-Key) {
    fairlead_turn.set(by=KEY, key=fairlead_keys.key(bereq.http.X-Fairlead-Key), alt=0, healthy=ALL);
  }
  call fairlead_clean;
}

# The service gets its own URL, and of these headers only the name of the route.
sub fairlead_clean {
  if (bereq.http.X-Fairlead-Url) {
    set bereq.url = bereq.http.X-Fairlead-Url;
  }
  unset bereq.http.X-Fairlead-Url;
  unset bereq.http.X-Fairlead-Key;
  unset bereq.http.X-Fairlead-Host;
}

# Tries another server when a second request does no harm. All servers of a route have an order for each fetch: by the
# key of its client or URL, else by chance. A retry goes to the first of them, the next to the second, without the one
# that failed first.
sub fairlead_retry {
  if ((bereq.method == "GET" || bereq.method == "HEAD") && beresp.backend) {
    if (bereq.retries == 0) {
      fairlead_first.set(by=KEY, key=fairlead_keys.key("" + beresp.backend));
      if (fairlead_turn.get_by() != "KEY") {
        fairlead_turn.set(by=KEY, key=fairlead_keys.key(bereq.xid), alt=0, healthy=ALL);
      }
    } else {
      call fairlead_pass_turn;
    }
    set bereq.backend = default;
    call fairlead_choose;
    if (bereq.backend != default && fairlead_keys.key("" + bereq.backend) == fairlead_first.get_key()) {
      call fairlead_pass_turn;
      call fairlead_choose;
    }
    if (bereq.backend != default) {
      return (retry);
    }
  }
}

sub fairlead_pass_turn {
  fairlead_turn.set(by=KEY, key=fairlead_turn.get_key(), alt=fairlead_turn.get_alt() + 1, healthy=ALL);
}

# Leaves `default` when there are enough attempts, or the time for them is over.
sub fairlead_choose {
{{#each part.routes}}
{{#if (and (gt (length servers) 1) (ne retries 0))}}
  if (bereq.http.X-Fairlead-Route == "{{name}}") {
    if (bereq.retries < {{minimum (default retries 2) (subtract (length servers) 1)}} && now < bereq.time + {{seconds totalMs}}) {
      set bereq.backend = {{#if (or sticky (eq balance "hash"))}}d{{else}}r{{/if}}_{{name}}.backend(by=KEY, key=fairlead_turn.get_key(), alt=fairlead_turn.get_alt(), healthy=ALL);
      set bereq.first_byte_timeout = bereq.time + {{seconds totalMs}} - now;
      if (bereq.first_byte_timeout > {{seconds (default timeoutMs 60000)}}) {
        set bereq.first_byte_timeout = {{seconds (default timeoutMs 60000)}};
      }
    }
  }
{{/if}}
{{/each}}
}

sub vcl_backend_response {
  if (beresp.status >= 502 && beresp.status <= 504) {
    call fairlead_retry;
  }
  if (beresp.status >= 500 && bereq.is_bgfetch) {
    return (abandon); # the stale response stays
  }
  set beresp.grace = {{default values.varnish.grace "10m"}};
}

sub vcl_backend_error {
  call fairlead_retry;
  if (bereq.is_bgfetch) {
    return (abandon);
  }
  set beresp.http.Content-Type = "text/plain; charset=utf-8";
  set beresp.http.Retry-After = "5";
  set beresp.http.Cache-Control = "no-store";
  if (beresp.backend) {
    set beresp.body = {"no answer from this service
"};
  } else {
    set beresp.body = {"no healthy instance
"};
  }
  return (deliver);
}
{{/if}}
{{/if}}

sub vcl_synth {
  set resp.http.Content-Type = "text/plain; charset=utf-8";
  set resp.http.Cache-Control = "no-store";
  if (resp.status == 308) {
    set resp.http.Location = req.http.X-Fairlead-Location;
    set resp.body = "";
  } elseif (resp.status == 503) {
    set resp.http.Retry-After = "5";
    set resp.body = {"{{#if (eq part.kind "boot")}}not loaded yet{{else}}no healthy instance{{/if}}
"};
  } elseif (resp.status == 404) {
    set resp.body = {"no such route
"};
  } else {
    set resp.body = resp.reason + {"
"};
  }
  return (deliver);
}
