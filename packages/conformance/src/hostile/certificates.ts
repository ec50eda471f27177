import { createPrivateKey, generateKeyPairSync, randomBytes, sign, X509Certificate } from "node:crypto";
import { isIPv4 } from "node:net";
import { bits, boolean, integer, octets, oid, sequence, text, time, tlv } from "./der.ts";

/** A certificate and its private key, both PEM. */
export interface Certificate {
  readonly key: string;
  readonly cert: string;
}

export interface CertificateHosts {
  readonly dns?: readonly string[];
  /** IPv4 in dots, or `::1`. */
  readonly ip?: readonly string[];
}

export interface Validity {
  /** Default: an hour ago. */
  readonly from?: Date;
  /** Default: in a day. */
  readonly to?: Date;
}

const ecdsaWithSha256 = sequence(oid("1.2.840.10045.4.3.2"));
const hourMs = 3_600_000;

/** An authority that nobody trusts unless told: its `cert` is the `ca` of a client. */
export function authority(name = "Holdfast test authority"): Certificate {
  return issue(name, {
    extensions: [
      extension("2.5.29.19", sequence(boolean(true)), true),
      // keyCertSign and cRLSign, the sixth and seventh bit.
      extension("2.5.29.15", tlv(0x03, Buffer.from([1, 0x06])), true),
    ],
  });
}

/** A certificate for names and addresses, good for servers and clients, issued by `ca` or by itself. */
export function certificate(
  { dns = [], ip = [] }: CertificateHosts,
  ca?: Certificate,
  validity: Validity = {},
): Certificate {
  const names = [
    ...dns.map((name) => tlv(0x82, Buffer.from(name))),
    ...ip.map((address) => tlv(0x87, addressBytes(address))),
  ];
  return issue(dns[0] ?? ip[0] ?? "client", {
    validity,
    ...(ca !== undefined && { ca }),
    extensions: [
      extension("2.5.29.37", sequence(oid("1.3.6.1.5.5.7.3.1"), oid("1.3.6.1.5.5.7.3.2"))),
      ...(names.length > 0 ? [extension("2.5.29.17", sequence(...names))] : []),
    ],
  });
}

interface Issue {
  readonly extensions: readonly Buffer[];
  readonly ca?: Certificate;
  readonly validity?: Validity;
}

/** RFC 5280, 4.1. */
function issue(name: string, { extensions, ca, validity = {} }: Issue): Certificate {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const now = Date.now();
  const { from = new Date(now - hourMs), to = new Date(now + 24 * hourMs) } = validity;
  const subject = distinguished(name);
  const signed = sequence(
    tlv(0xa0, integer(Buffer.from([2]))),
    // Not beginning with 0, nor negative.
    integer(Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    ecdsaWithSha256,
    ca === undefined ? subject : distinguished(commonNameOf(ca)),
    sequence(time(from), time(to)),
    subject,
    publicKey.export({ type: "spki", format: "der" }),
    tlv(0xa3, sequence(...extensions)),
  );
  const signature = sign("sha256", signed, ca === undefined ? privateKey : createPrivateKey(ca.key));
  const cert = sequence(signed, ecdsaWithSha256, bits(signature));
  return { key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(), cert: pem(cert) };
}

function extension(id: string, value: Buffer, critical = false): Buffer {
  return sequence(oid(id), ...(critical ? [boolean(true)] : []), octets(value));
}

function distinguished(name: string): Buffer {
  return sequence(tlv(0x31, sequence(oid("2.5.4.3"), text(name))));
}

function commonNameOf({ cert }: Certificate): string {
  return new X509Certificate(cert).subject.replace("CN=", "");
}

function addressBytes(address: string): Buffer {
  if (isIPv4(address)) return Buffer.from(address.split(".").map(Number));
  if (address === "::1") return Buffer.concat([Buffer.alloc(15), Buffer.from([1])]);
  throw new TypeError(`the address ${address} is neither IPv4 nor ::1`);
}

function pem(der: Buffer): string {
  const lines = der.toString("base64").replaceAll(/.{64}/g, "$&\n").trimEnd();
  return `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`;
}
