import { isIP } from "node:net";

const untrusted = "the certificate was issued by an authority that is not trusted here (tls.ca)";
const notTls = "the peer does not speak TLS on this port";
const noVersion = "there is no TLS version that both sides allow (tls.minVersion, tls.maxVersion)";
const noCertificate = "the peer requires a client certificate (tls.cert and tls.key)";

/** By the code of node's error; the certificate codes are those of OpenSSL's `X509_V_ERR_*`. */
const reasons: ReadonlyMap<string, string> = new Map([
  ["UNABLE_TO_GET_ISSUER_CERT", untrusted],
  ["UNABLE_TO_GET_ISSUER_CERT_LOCALLY", untrusted],
  ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", untrusted],
  ["SELF_SIGNED_CERT_IN_CHAIN", untrusted],
  ["CERT_UNTRUSTED", untrusted],
  ["DEPTH_ZERO_SELF_SIGNED_CERT", "the certificate is self-signed and not trusted here (tls.ca)"],
  ["CERT_HAS_EXPIRED", "the certificate has expired"],
  ["CERT_NOT_YET_VALID", "the certificate is not valid yet"],
  ["CERT_REVOKED", "the certificate was revoked (tls.crl)"],
  ["CERT_SIGNATURE_FAILURE", "the signature of the certificate is wrong"],
  ["CERT_CHAIN_TOO_LONG", "the certificate chain is too long"],
  ["CERT_REJECTED", "the certificate was rejected"],
  ["INVALID_CA", "an authority in the certificate chain may not issue certificates"],
  ["PATH_LENGTH_EXCEEDED", "the certificate chain is longer than its authority allows"],
  ["INVALID_PURPOSE", "the certificate was not issued for TLS servers"],
  ["UNABLE_TO_GET_CRL", "the revocation list of the certificate's authority is missing (tls.crl)"],
  ["CRL_HAS_EXPIRED", "the revocation list has expired (tls.crl)"],
  ["ERR_SSL_WRONG_VERSION_NUMBER", notTls],
  ["ERR_SSL_PACKET_LENGTH_TOO_LONG", notTls],
  ["ERR_SSL_HTTP_REQUEST", notTls],
  ["ERR_SSL_UNSUPPORTED_PROTOCOL", noVersion],
  ["ERR_SSL_NO_PROTOCOLS_AVAILABLE", noVersion],
  ["ERR_SSL_VERSION_TOO_LOW", noVersion],
  ["ERR_SSL_VERSION_TOO_HIGH", noVersion],
  ["ECONNRESET", "the peer closed the connection during the handshake"],
  ["EPIPE", "the peer closed the connection during the handshake"],
]);

/** By the name of the alert (RFC 8446, 6.2), as it ends node's codes: `ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED`. */
const alerts: ReadonlyMap<string, string> = new Map([
  ["CERTIFICATE_REQUIRED", noCertificate],
  ["PROTOCOL_VERSION", noVersion],
  [
    "HANDSHAKE_FAILURE",
    "the peer accepts none of our parameters, or requires a client certificate (tls.ciphers, tls.cert)",
  ],
  ["INSUFFICIENT_SECURITY", "the peer requires stronger ciphers (tls.ciphers)"],
  ["UNRECOGNIZED_NAME", "the peer does not serve this name (tls.servername)"],
  ["NO_APPLICATION_PROTOCOL", "the peer speaks none of the protocols offered (ALPN)"],
  ["BAD_CERTIFICATE", "the peer refuses our client certificate, or requires one (tls.cert)"],
  ["UNSUPPORTED_CERTIFICATE", "the peer does not support the type of our client certificate (tls.cert)"],
  ["CERTIFICATE_REVOKED", "our client certificate was revoked (tls.cert)"],
  ["CERTIFICATE_EXPIRED", "our client certificate has expired (tls.cert)"],
  ["CERTIFICATE_UNKNOWN", "the peer does not accept our client certificate (tls.cert)"],
  ["UNKNOWN_CA", "the peer does not trust the authority of our client certificate (tls.cert)"],
  ["ACCESS_DENIED", "the peer does not admit the holder of our client certificate (tls.cert)"],
]);

/** OpenSSL names an alert of TLS 1.0 and later in four ways: `TLSV1_ALERT_`, `TLSV13_ALERT_`, `SSLV3_ALERT_`, `SSL/TLS_ALERT_`. */
const alertCode = /^ERR_SSL_(?:TLSV1_|TLSV13_|SSLV3_|SSL\/TLS_)(?:ALERT_)?([A-Z_]+)$/;

/**
 * Tells whether an error of a socket is TLS's: a certificate, a handshake, or an alert that came later, as TLS 1.3 reports
 * a client certificate that is missing or refused. False for a plain reset.
 */
export function isTlsFailure(error: unknown): boolean {
  const code = codeOf(error);
  if (code === "ECONNRESET" || code === "EPIPE") return false;
  return (
    /^(?:ERR_SSL_|ERR_TLS_|EPROTO$)/.test(code) ||
    reasons.has(code) ||
    /^(?:UNABLE_TO_|ERROR_IN_C|CERT_|CRL_)/.test(code)
  );
}

/** Why TLS failed, in plain words, with the option to look at where there is one. Completes "no TLS connection: …". */
export function tlsReason(error: unknown): string {
  const code = codeOf(error);
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID") return wrongName(error as AltNameError);
  const alert = alertName(code);
  if (alert !== undefined)
    return alerts.get(alert) ?? `the peer ended it with the alert ${alert.toLowerCase().replaceAll("_", " ")}`;
  return reasons.get(code) ?? (error instanceof Error ? error.message : String(error));
}

/** The alert by which a peer says that it speaks nothing of what ALPN offered (RFC 7301, 3.2). */
export function isAlpnRefusal(error: unknown): boolean {
  return alertName(codeOf(error)) === "NO_APPLICATION_PROTOCOL";
}

interface AltNameError {
  readonly host?: string;
  readonly cert?: { readonly subjectaltname?: string; readonly subject?: { readonly CN?: string | readonly string[] } };
}

const maxNames = 3;

function wrongName({ host, cert }: AltNameError): string {
  const names =
    cert?.subjectaltname === undefined ? [cert?.subject?.CN ?? []].flat() : alternativeNames(cert.subjectaltname);
  if (names.length === 0) return `the certificate names no host, so it is not for ${host}`;
  const more = names.length > maxNames ? ` and ${names.length - maxNames} more` : "";
  return `the certificate is for ${names.slice(0, maxNames).join(", ")}${more}, not for ${host}`;
}

/** Node's `DNS:a.example, IP Address:127.0.0.1`. */
function alternativeNames(text: string): readonly string[] {
  return text.split(", ").flatMap((entry) => {
    const [, kind, name = ""] = /^(DNS|IP Address):(.+)$/.exec(entry) ?? [];
    return kind === "DNS" || isIP(name) !== 0 ? [name] : [];
  });
}

function alertName(code: string): string | undefined {
  const name = alertCode.exec(code)?.[1];
  return name !== undefined && (code.includes("_ALERT_") || alerts.has(name)) ? name : undefined;
}

function codeOf(error: unknown): string {
  const code: unknown =
    typeof error === "object" && error !== null ? (error as { readonly code?: unknown }).code : undefined;
  return typeof code === "string" ? code : "";
}
