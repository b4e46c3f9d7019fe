import { chmod, chown, mkdir, writeFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { freePorts } from "../helpers/free-port.ts";
import { until } from "../helpers/until.ts";
import { docker } from "./docker.ts";
import { mountedDirectory, runContainer } from "./run-container.ts";
import { varnishd } from "./sidecar-stack.ts";

/* Each lacks one thing that a container needs, and says which. */

describe("a Fairlead that lacks something says what", () => {
  test("a read-only filesystem without a volume for its state", async () => {
    const said = await logOf("fairlead", ["--read-only", "-e", "FAIRLEAD_STATE=/srv"]);
    expect(said).toContain("read-only file system");
    expect(said).toContain("Mount a writable volume");
  });

  test("a volume that belongs to somebody else", async () => {
    const directory = await mountedDirectory();
    const said = await logOf("fairlead", ["-v", `${directory.path}:/var/lib/fairlead`]);
    expect(said).toContain("permission denied");
    expect(said).toContain("Let user 1000 write there");
  });

  test("live files in a directory that belongs to somebody else", async () => {
    const directory = await mountedDirectory();
    await writeFile(directory.at("nginx.conf"), "events {} http { include conf.d/*.conf; }\n");
    await mkdir(directory.at("conf.d"));
    const said = await logOf("fairlead", ["-v", `${directory.path}:/etc/nginx`]);
    expect(said).toContain("Cannot write beside the live files as EACCES");
    expect(said).toContain("Let user 1000 write there");
  });

  test("nginx's main file, which is not mounted at the same place", async () => {
    const said = await logOf("fairlead", []);
    expect(said).toContain("/etc/nginx");
    expect(said).toContain("mount");
  });

  test("the process namespace of the nginx beside it", async () => {
    const nginx = await startNginx();
    const said = await logOf("fairlead", nginx.shared);
    expect(said).toContain("names process 1, and that is no nginx master here");
    expect(said).toContain('pid: \\"service:nginx\\"');
  });

  test("the right to signal the nginx beside it", async () => {
    const nginx = await startNginx();
    // All may be written, but root's process is not another user's to signal.
    const said = await logOf("fairlead", [...nginx.shared, "--pid", `container:${nginx.name}`]);
    expect(said).toContain("Cannot signal nginx's master 1");
    expect(said).toContain("CAP_KILL");
  });

  test("the secret of Varnish's CLI", async () => {
    const [http, cli] = await freePorts(2);
    const directory = await mountedDirectory();
    await writeFile(directory.at("secret"), "for this test only\n", { mode: 0o600 });
    const command = varnishd({ listen: `127.0.0.1:${http}`, cli: `127.0.0.1:${cli}` });
    await runContainer("varnish", ["-v", `${directory.path}:/etc/varnish`], {
      command: [...command, "-f", ""],
    });
    const fairlead = [
      ..."-e FAIRLEAD_PROXY=varnish -e FAIRLEAD_VARNISH_FILE=/var/lib/fairlead/services.vcl".split(
        " ",
      ),
      "-e",
      `FAIRLEAD_VARNISH_ADMIN=127.0.0.1:${cli}`,
    ];
    expect(await logOf("fairlead", fairlead)).toContain("requires a secret and none is configured");
    const unreadable = ["-v", `${directory.path}:/secret`];
    const named = [...fairlead, "-e", "FAIRLEAD_VARNISH_SECRET_FILE=/secret/secret"];
    const said = await logOf("fairlead", [...named, ...unreadable]);
    expect(said).toContain("its secret is not readable: EACCES");
    expect(said).toContain("Let this user read admin.secretFile");
    expect(await logOf("fairlead", named)).toContain("its secret is not readable: ENOENT");
  });

  test("the socket of Docker's API", async () => {
    const nginx = await startNginx();
    const said = await logOf("fairlead", [
      ...nginx.shared,
      ..."-e FAIRLEAD_NGINX_CONTAINER=nginx -e FAIRLEAD_NGINX_PROOF=http://127.0.0.1:1/".split(" "),
    ]);
    expect(said).toContain('/var/run/docker.sock\\" does not answer');
    expect(said).toContain("reload.docker.socket");
  });
});

/** A stock nginx, and what a Fairlead beside it shares but for its processes. */
async function startNginx() {
  const directory = await mountedDirectory();
  const [port] = await freePorts(1);
  await writeFile(
    directory.at("nginx.conf"),
    `pid /run/nginx/nginx.pid;\nevents {}\nhttp { server { listen 127.0.0.1:${port}; } include conf.d/*.conf; }\n`,
  );
  await mkdir(directory.at("conf.d"));
  await mkdir(directory.at("run"));
  for (const part of [".", "conf.d", "run"]) await chmod(directory.at(part), 0o777);
  await chown(directory.at("nginx.conf"), 1000, 1000);
  const mounts = ["-v", `${directory.path}:/etc/nginx`, "-v", `${directory.at("run")}:/run/nginx`];
  const name = await runContainer("nginx", mounts);
  await until("nginx has written its pid file", async () => {
    return (await docker(["exec", name, "cat", "/run/nginx/nginx.pid"])).trim() === "1";
  });
  await docker(["exec", name, "chmod", "666", "/run/nginx/nginx.pid"]); // nginx -t opens it for writing
  const listen = ["-e", `FAIRLEAD_LISTEN=127.0.0.1:${(await freePorts(1))[0]}`];
  return { name, shared: [...mounts, ...listen] };
}

/** Runs `fairlead run --once` with an empty catalog and returns its log. */
async function logOf(image: string, args: readonly string[]): Promise<string> {
  const directory = await mountedDirectory();
  await writeFile(directory.at("catalog.yaml"), "services: {}\n");
  const name = await runContainer(
    image,
    [..."-e FAIRLEAD_PROXY=nginx -v".split(" "), `${directory.path}:/catalog:ro`, ...args],
    { command: ["run", "--once", "--catalog", "/catalog/catalog.yaml"] },
  );
  expect(["1", "2"]).toContain(await docker(["wait", name]));
  return await docker(["logs", name]);
}
