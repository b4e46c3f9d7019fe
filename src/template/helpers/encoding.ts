import { createHash, createHmac } from "node:crypto";
import { textArgument, unexpectedArgument } from "./arguments.ts";
import type { HelperGroup } from "./definition.ts";

/** Encoding and hashes. */
export const ENCODING: HelperGroup = {
  title: "Encoding and hashes",
  helpers: {
    base64Encode: {
      signature: "base64Encode TEXT",
      meaning: "TEXT in Base64",
      example: '{{base64Encode "hello?>"}}',
      output: "aGVsbG8/Pg==",
      aliases: ["b64enc"],
      run: (a) => Buffer.from(textArgument(a, "TEXT")).toString("base64"),
    },
    base64Decode: {
      signature: "base64Decode TEXT",
      meaning: "What TEXT says in Base64",
      example: '{{base64Decode "aGVsbG8="}}',
      output: "hello",
      aliases: ["b64dec"],
      run: (a) => decoded(textArgument(a, "TEXT"), /^[A-Za-z0-9+/]*={0,2}$/),
    },
    base64URLEncode: {
      signature: "base64URLEncode TEXT",
      meaning: "TEXT in Base64 for URLs: with - and _ for + and /",
      example: '{{base64URLEncode "hello?>"}}',
      output: "aGVsbG8_Pg==",
      run: (a) => {
        const plain = Buffer.from(textArgument(a, "TEXT")).toString("base64");
        return plain.replaceAll("+", "-").replaceAll("/", "_");
      },
    },
    base64URLDecode: {
      signature: "base64URLDecode TEXT",
      meaning: "What TEXT says in Base64 for URLs",
      example: '{{base64URLDecode "aGVsbG8_Pg"}}',
      output: "hello?>",
      run: (a) => decoded(textArgument(a, "TEXT"), /^[\w-]*={0,2}$/),
    },
    urlEncode: {
      signature: "urlEncode TEXT",
      meaning: "TEXT as it may stand in a part of a URL",
      example: '{{urlEncode "a b/c"}}',
      output: "a%20b%2Fc",
      aliases: ["urlquery"],
      run: (a) => encodeURIComponent(Buffer.from(textArgument(a, "TEXT")).toString()),
    },
    sha256Hex: {
      signature: "sha256Hex TEXT",
      meaning: "The SHA-256 of TEXT in hexadecimal digits",
      example: '{{truncate (sha256Hex "hello") 12}}',
      output: "2cf24dba5fb0",
      aliases: ["sha256sum"],
      run: (a) => createHash("sha256").update(textArgument(a, "TEXT")).digest("hex"),
    },
    sha1Hex: {
      signature: "sha1Hex TEXT",
      meaning: "The SHA-1 of TEXT in hexadecimal digits; not for security",
      example: '{{truncate (sha1Hex "hello") 12}}',
      output: "aaf4c61ddcc5",
      aliases: ["sha1sum"],
      run: (a) => createHash("sha1").update(textArgument(a, "TEXT")).digest("hex"),
    },
    md5sum: {
      signature: "md5sum TEXT",
      meaning: "The MD5 of TEXT in hexadecimal digits; not for security",
      example: '{{md5sum "hello"}}',
      output: "5d41402abc4b2a76b9719d911017c592",
      run: (a) => createHash("md5").update(textArgument(a, "TEXT")).digest("hex"),
    },
    hmacSHA256Hex: {
      signature: "hmacSHA256Hex TEXT KEY",
      meaning: "The HMAC-SHA-256 of TEXT with KEY in hexadecimal digits",
      example: '{{truncate (hmacSHA256Hex "hello" "k") 12}}',
      output: "406e4b43f870",
      run: (a, key) =>
        createHmac("sha256", textArgument(key, "KEY"))
          .update(textArgument(a, "TEXT"))
          .digest("hex"),
    },
  },
};

function decoded(all: string, form: RegExp): string {
  if (form.test(all)) return Buffer.from(all, "base64").toString("utf8");
  throw unexpectedArgument("Base64", all, "TEXT");
}
