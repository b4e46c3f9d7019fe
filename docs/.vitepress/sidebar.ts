/** Every page, in the order of reading. */
export const SIDEBAR = [
  {
    text: "Start",
    items: [
      { text: "Getting started", link: "/getting-started" },
      { text: "Concepts", link: "/concepts" },
      { text: "Troubleshooting", link: "/troubleshooting" },
    ],
  },
  {
    text: "Guides",
    items: [
      { text: "nginx", link: "/guides/nginx" },
      { text: "Varnish", link: "/guides/varnish" },
      { text: "Containers", link: "/guides/containers" },
      { text: "Writing templates", link: "/guides/writing-templates" },
      { text: "Testing templates", link: "/guides/testing-templates" },
      { text: "From consul-template", link: "/guides/from-consul-template" },
      { text: "Operating", link: "/guides/operating" },
    ],
  },
  {
    text: "Reference",
    items: [
      { text: "Config", link: "/reference/config" },
      { text: "Command line", link: "/reference/command-line" },
      { text: "Routes", link: "/reference/routes" },
      { text: "Catalog file", link: "/reference/catalog-file" },
      { text: "Helpers", link: "/reference/helpers" },
      { text: "Metrics", link: "/reference/metrics" },
      { text: "HTTP API", link: "/reference/http-api" },
    ],
  },
  {
    text: "Internals",
    items: [
      { text: "How Consul is watched", link: "/internals/watching-consul" },
      { text: "How a swap works", link: "/internals/swap" },
      { text: "How a reload is proved", link: "/internals/proof" },
      { text: "Benchmarks", link: "/internals/benchmarks" },
    ],
  },
] as const;
