import { expect, test } from "vitest";
import { imageOf } from "./build-images.ts";
import { docker } from "./docker.ts";

const BASE = "node:22-bookworm-slim";

/** What `docker image inspect` reports about an image. */
interface Image {
  readonly Size: number;
  readonly Config: {
    readonly User: string;
    readonly StopSignal?: string;
    readonly Labels: Readonly<Record<string, string>> | null;
    readonly Healthcheck?: { readonly Test: readonly string[] };
    readonly Volumes: Readonly<Record<string, object>> | null;
  };
}

test.each(["fairlead", "fairlead-nginx", "fairlead-varnish"])(
  "%s adds at most 60 MB to its base, and says how it is run",
  async (target) => {
    const [{ Size: baseBytes }, { Size: bytes, Config: config }] = await Promise.all([
      inspect(BASE),
      inspect(imageOf(target)),
    ]);

    expect(bytes - baseBytes).toBeLessThanOrEqual(60e6);
    expect(config.User).toBe("node");
    expect(config.StopSignal).toBe("SIGTERM");
    expect(config.Healthcheck?.Test.join(" ")).toContain("health-check.mjs");
    expect(Object.keys(config.Volumes ?? {})).toContain("/var/lib/fairlead");
    expect(config.Labels).toMatchObject({
      "org.opencontainers.image.title": "Fairlead",
      "org.opencontainers.image.licenses": "MIT",
      "org.opencontainers.image.version": expect.stringMatching(/^\d+\.\d+\.\d+$/),
    });
  },
);

test.each(["fairlead", "fairlead-nginx", "fairlead-varnish"])(
  "%s has no tools to build with",
  async (target) => {
    const looks = [
      "ls /opt/fairlead/node_modules/typescript /opt/fairlead/node_modules/esbuild",
      "command -v gcc cc make g++",
    ];
    const run = "run --rm --network host --entrypoint sh".split(" ");
    const script = `{ ${looks.join("; ")}; } 2>/dev/null; echo looked`;
    expect(await docker([...run, imageOf(target), "-c", script])).toBe("looked");
  },
);

async function inspect(image: string): Promise<Image> {
  return JSON.parse(await docker(["image", "inspect", "--format", "{{json .}}", image])) as Image;
}
