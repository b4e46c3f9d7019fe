import type { PlaceTemplate } from "./hostile-catalog.ts";

/** Each place of VCL that takes any text of its kind. Each statement sets a header: the compiler's output counts them. */
export const VCL_PLACES: PlaceTemplate = {
  format: "vcl",
  before: "vcl 4.1;\nbackend default none;\nsub vcl_deliver {\n",
  after: "}\n",
  places: {
    string: '  set resp.http.X-N = "VALUE";',
    longString: '  set resp.http.X-N = {"VALUE"};',
    tripleString: '  set resp.http.X-N = """VALUE""";',
    hashComment: '  # VALUE\n  set resp.http.X-N = "";',
    lineComment: '  // VALUE\n  set resp.http.X-N = "";',
    blockComment: '  /* VALUE */ set resp.http.X-N = "";',
    pattern: '  if (req.url ~ "VALUE") { set resp.http.X-N = ""; }',
    regsub: '  set resp.http.X-N = regsub(req.url, "VALUE", "");',
    replacement: '  set resp.http.X-N = regsuball(req.url, "x", "VALUE");',
    header: '  set resp.http.X-N-VALUE = "";',
  },
};

/** Entries of an acl, which have a block of their own. */
export const VCL_ACL: PlaceTemplate = {
  format: "vcl",
  before: 'vcl 4.1;\nbackend default none;\nacl some {\n  "127.0.0.1";\n',
  after: '}\nsub vcl_deliver {\n  if (client.ip ~ some) { set resp.http.X = ""; }\n}\n',
  places: { entry: '  "VALUE";' },
};
