import { readFile } from "node:fs/promises";
import { execa } from "execa";
import hcl from "hcl2-parser";
import * as kubernetes from "kubernetes-models/v1";
import { describe, expect, test } from "vitest";
import { parseAllDocuments } from "yaml";

const UNIT = "examples/systemd/fairlead.service";

describe("the systemd unit", () => {
  test("is one that systemd takes", async () => {
    const { all, exitCode } = await systemdAnalyze("verify", UNIT);
    expect({ all, exitCode }).toEqual({ all: "", exitCode: 0 });
  });

  test("leaves little exposed: at most 2.0 of 10", async () => {
    const { all } = await systemdAnalyze("security", "--offline=true", "--no-pager", UNIT);
    const exposure = Number(/Overall exposure level .*: (\d+\.\d)/.exec(all)?.[1]);
    expect(exposure).toBeLessThanOrEqual(2);
    expect(exposure).toBeGreaterThan(0);
  });
});

test("the Nomad job is valid HCL, and says that no more was looked at", async () => {
  const text = await readFile("examples/nomad/fairlead.nomad.hcl", "utf8");
  expect(text).toContain("Unvalidated against Nomad");
  const [job, fault] = hcl.parseToObject(text) as [Record<string, unknown>, unknown];
  expect(fault).toBeNull();
  expect(Object.keys(job)).toEqual(["job"]);
  expect(hcl.parseToObject('job "x" {')[0]).toBeNull();
});

describe("the Kubernetes manifest", () => {
  test("fits the schema of Kubernetes' API", async () => {
    const documents = parseAllDocuments(
      await readFile("examples/kubernetes/fairlead.yaml", "utf8"),
    );
    const [pod] = documents.map((it) => it.toJS() as kubernetes.IPod);
    expect(documents).toHaveLength(1);
    expect(() => new kubernetes.Pod(pod as kubernetes.IPod).validate()).not.toThrow();
    const wrong = { ...pod, spec: { ...pod?.spec, containers: [{ nam: "x" }] } };
    expect(() => new kubernetes.Pod(wrong as unknown as kubernetes.IPod).validate()).toThrow();
  });
});

async function systemdAnalyze(...args: readonly string[]) {
  return await execa("systemd-analyze", args, { all: true, reject: false });
}
