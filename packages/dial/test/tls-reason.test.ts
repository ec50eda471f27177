import { describe, expect, it } from "vitest";
import { isTlsFailure, tlsReason } from "../src/index.ts";

const coded = (code: string, more: object = {}): Error => Object.assign(new Error(`raw ${code}`), { code, ...more });

describe("the reason of a TLS failure", () => {
  it.each([
    ["CERT_HAS_EXPIRED", /has expired/],
    ["UNABLE_TO_GET_ISSUER_CERT_LOCALLY", /not trusted here/],
    ["ERR_SSL_WRONG_VERSION_NUMBER", /does not speak TLS/],
    ["ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION", /no TLS version/],
    ["ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED", /requires a client certificate/],
    ["ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE", /accepts none of our parameters/],
    ["ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE", /accepts none of our parameters/],
    ["ERR_SSL_TLSV1_UNRECOGNIZED_NAME", /does not serve this name/],
    ["ERR_SSL_TLSV1_ALERT_INTERNAL_ERROR", /the alert internal error/],
    ["ERR_SSL_SOMETHING_NEW", /raw ERR_SSL_SOMETHING_NEW/],
    ["UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY", /raw UNABLE/],
  ])("is plain for %s, which is TLS's", (code, words) => {
    expect(tlsReason(coded(code))).toMatch(words);
    expect(isTlsFailure(coded(code))).toBe(true);
  });

  it.each([
    [{ subjectaltname: "DNS:other.example" }, "the certificate is for other.example, not for a.example"],
    [
      { subjectaltname: "DNS:b, IP Address:10.0.0.1, DNS:c, DNS:d" },
      "the certificate is for b, 10.0.0.1, c and 1 more, not for a.example",
    ],
    [{ subject: { CN: "old.example" } }, "the certificate is for old.example, not for a.example"],
    [{}, "the certificate names no host, so it is not for a.example"],
  ])("names whom the certificate is for: %j", (cert, words) => {
    expect(tlsReason(coded("ERR_TLS_CERT_ALTNAME_INVALID", { host: "a.example", cert }))).toBe(words);
  });

  it.each([undefined, null, "text", new Error("plain"), coded("ECONNRESET"), coded("ECONNREFUSED"), { code: 7 }])(
    "does not mistake %s for TLS's",
    (error) => {
      expect(isTlsFailure(error)).toBe(false);
      expect(typeof tlsReason(error)).toBe("string");
    },
  );
});
