/** What the page of the config says before its keys. */
export const CONFIG_INTRODUCTION = `The config is YAML or JSON. \`\${VAR}\` and \`\${VAR:-default}\` are replaced from the environment, also within \`{ … }\`;
\`$\${\` is a plain \`\${\`. Relative paths resolve against the config's directory. An unknown key is an error that names the
nearest known key. \`fairlead schema\` prints the JSON Schema, for editors. Fairlead watches the config: it reads a saved one
again, and an invalid one leaves the old one in force.

With no \`-c\`, Fairlead looks for \`fairlead.yaml\` in the working directory and in \`/etc/fairlead\`. With neither,
[the environment alone](#the-environment-alone) can be enough.

\`\`\`yaml
consul:
  address: http://127.0.0.1:8500 # http, https or unix:///path
  token: \${CONSUL_HTTP_TOKEN:-}
state: /var/lib/fairlead
admin: { listen: 127.0.0.1:9700, token: "\${FAIRLEAD_TOKEN:-}" }
proxies:
  - name: edge
    kind: nginx
    files:
      - {
          template: "builtin:nginx/service-proxy.conf",
          path: /etc/nginx/conf.d/services.conf,
          mode: "0644",
        }
      - { template: vhost.conf.hbs, each: services, path: "/etc/nginx/vhosts.d/{{name}}.conf" }
    reload: { signal: HUP }
    settle: { quiet: 100ms, max: 2s, minInterval: 1s, maxDraining: 32 }
    guard: { maxDrop: 50%, hold: 10m }
  - name: cache
    kind: varnish
    admin: { address: 127.0.0.1:6082, secretFile: /etc/varnish/secret }
    files: [{ template: "builtin:varnish/service-proxy.vcl", path: /etc/varnish/services.vcl }]
values: { domain: example.com, nginx: { listen: 8080 } }
\`\`\`

Durations are such as \`500ms\`, \`2s\`, \`10m\` or \`24h\`. A dash in the column of defaults means that the key may be absent.
Secrets of the config appear in no log, status, metric or error.`;

/** What the page of the config says after its keys. */
export const ENVIRONMENT = `## Consul's own variables

Fairlead reads these where the config says nothing: \`CONSUL_HTTP_ADDR\`, \`CONSUL_HTTP_SSL\`, \`CONSUL_HTTP_SSL_VERIFY\`,
\`CONSUL_HTTP_TOKEN\`, \`CONSUL_HTTP_TOKEN_FILE\`, \`CONSUL_HTTP_AUTH\`, \`CONSUL_CACERT\`, \`CONSUL_CLIENT_CERT\`,
\`CONSUL_CLIENT_KEY\`, \`CONSUL_TLS_SERVER_NAME\`, \`CONSUL_NAMESPACE\`, \`CONSUL_PARTITION\`.

## The environment alone

Without a config file, these variables make a config with the built-in templates. Consul's own variables count as well.

| variable                                                 | stands for                                                      | when not set                                                   |
| -------------------------------------------------------- | --------------------------------------------------------------- | -------------------------------------------------------------- |
| \`FAIRLEAD_PROXY\`                                         | \`nginx\`, \`varnish\`, or both with a comma                        | no config: an error                                            |
| \`FAIRLEAD_CONSUL\`                                        | \`consul.address\`                                                | \`http://127.0.0.1:8500\`                                        |
| \`FAIRLEAD_STATE\`                                         | \`state\`                                                         | \`/var/lib/fairlead\`                                            |
| \`FAIRLEAD_ADMIN\`, \`FAIRLEAD_TOKEN\`                       | \`admin.listen\`, \`admin.token\`                                   | \`127.0.0.1:9700\`, none                                         |
| \`FAIRLEAD_LISTEN\`                                        | \`values.nginx.listen\`, several with commas                      | \`80\`                                                           |
| \`FAIRLEAD_NGINX_FILE\`, \`FAIRLEAD_VARNISH_FILE\`           | the written file                                                | \`/etc/nginx/conf.d/services.conf\`, \`/etc/varnish/services.vcl\` |
| \`FAIRLEAD_NGINX_CONFIG\`                                  | nginx's main file                                               | \`/etc/nginx/nginx.conf\`                                        |
| \`FAIRLEAD_NGINX_PID_FILE\`                                | \`reload.pidFile\`                                                | the setting of nginx's main file                               |
| \`FAIRLEAD_NGINX_SUPERVISE\`, \`FAIRLEAD_VARNISH_SUPERVISE\` | \`reload.supervise\`, split at spaces                             | somebody else runs the proxy                                   |
| \`FAIRLEAD_NGINX_CONTAINER\`                               | \`reload.docker.container\`: the signal goes through Docker's API | a signal to the process                                        |
| \`FAIRLEAD_DOCKER_SOCKET\`                                 | \`reload.docker.socket\`                                          | \`/var/run/docker.sock\`                                         |
| \`FAIRLEAD_NGINX_PROOF\`                                   | \`proof.url\`                                                     | none                                                           |
| \`FAIRLEAD_PROOF_FROM\`                                    | \`values.nginx.proofFrom\`, several with commas                   | only this machine                                              |
| \`FAIRLEAD_VARNISH_ADMIN\`                                 | \`admin.address\` of Varnish                                      | \`127.0.0.1:6082\`                                               |
| \`FAIRLEAD_VARNISH_SECRET_FILE\`                           | \`admin.secretFile\` of Varnish                                   | none                                                           |

Values of the built-in templates: [nginx](../guides/nginx.md#the-config), [Varnish](../guides/varnish.md#the-config).
`;
