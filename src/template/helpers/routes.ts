import type { Route } from "../../route/route.ts";
import { virtualHosts } from "../../route/virtual-hosts.ts";
import { routes } from "../render/render-routes.ts";
import { listArgument } from "./arguments.ts";
import type { HelperGroup } from "./definition.ts";

/** Stands for the generation's id until all files are rendered and the id, their hash, is known. */
export const GENERATION_MARK = "@fairlead-generation-id@";

/** Routes, and what belongs to the generation. */
export const ROUTES: HelperGroup = {
  title: "Routes",
  helpers: {
    routes: {
      signature: "routes",
      meaning:
        "The routes of all services: name, service, host, path, strip, balance, sticky.by, sticky.cookie, timeoutMs, totalMs, retries, probe, and servers with address, port, weight, maxconn, instance, node",
      example: "{{#each (routes)}}{{path}} {{length servers}}; {{/each}}",
      output: "/web 2; /db 1; ",
      answer: ({ context }) => routes(context),
    },
    virtualHosts: {
      signature: "virtualHosts ROUTES",
      meaning: "The routes by host: host (absent for all others), routes, and hasRoot",
      example: "{{#each (virtualHosts (routes))}}{{default host '_'}} {{length routes}}{{/each}}",
      output: "_ 2",
      run: (all) => virtualHosts(listArgument(all, "ROUTES") as readonly Route[]),
    },
    uniformWeights: {
      signature: "uniformWeights SERVERS",
      meaning: "Whether all servers of a route have the same weight",
      example: "{{#each (routes)}}{{uniformWeights servers}} {{/each}}",
      output: "true true ",
      run: (servers) =>
        new Set(
          listArgument(servers, "SERVERS").map(
            (it) => (it as { readonly weight?: unknown }).weight,
          ),
        ).size <= 1,
    },
    generation: {
      signature: "generation",
      meaning: "The id of this generation: twelve digits of a hash over all its files",
      example: "{{length (generation)}}",
      output: "24",
      answer: () => GENERATION_MARK,
    },
  },
};
