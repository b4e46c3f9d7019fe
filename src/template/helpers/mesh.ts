import { ask } from "../render/render-context.ts";
import { nameOf } from "./catalog-queries.ts";
import type { HelperGroup } from "./definition.ts";

/** Certificates of Consul's mesh. */
export const MESH: HelperGroup = {
  title: "Certificates of the mesh",
  helpers: {
    caRoots: {
      signature: "caRoots",
      meaning:
        "The certificates that Connect's authority trusts: id, name, active, rootCertPem, intermediateCertsPem, notBefore, notAfter, trustDomain",
      example: "{{#each (caRoots)}}{{name}} {{active}}{{/each}}",
      output: "Consul CA Root Cert true",
      answer: ({ context }) => ask(context, { kind: "caRoots" }) ?? [],
    },
    caLeaf: {
      signature: "caLeaf SERVICE",
      meaning:
        'The certificate that Connect gives to SERVICE: service, serviceUri, serialNumber, certPem, privateKeyPem, validAfter, validBefore. Give the file that holds the key `mode: "0600"` and `format: text`',
      example: '{{#with (caLeaf "web")}}{{serviceUri}}{{/with}}',
      output: "spiffe://example.consul/ns/default/dc/dc1/svc/web",
      answer: ({ context }, service) =>
        ask(context, { kind: "caLeaf", service: nameOf(service) }) ?? {},
    },
  },
};
