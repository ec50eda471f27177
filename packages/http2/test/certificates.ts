import { generate } from "selfsigned";

export interface Certificate {
  readonly key: string;
  readonly cert: string;
}

/** An authority that nobody trusts unless told. */
export async function authority(): Promise<Certificate> {
  const made = await generate([{ name: "commonName", value: "Holdfast test authority" }], {
    keyType: "ec",
    algorithm: "sha256",
    extensions: [
      { name: "basicConstraints", cA: true, critical: true },
      { name: "keyUsage", keyCertSign: true, cRLSign: true, critical: true },
    ],
  });
  return { key: made.private, cert: made.cert };
}

/** A certificate of `ca` for names and for addresses, good for servers and clients. */
export async function certificate(
  ca: Certificate,
  { dns = [], ip = [] }: { readonly dns?: readonly string[]; readonly ip?: readonly string[] },
): Promise<Certificate> {
  const made = await generate([{ name: "commonName", value: dns[0] ?? "client" }], {
    keyType: "ec",
    algorithm: "sha256",
    ca,
    extensions: [
      { name: "basicConstraints", cA: false },
      { name: "keyUsage", digitalSignature: true },
      { name: "extKeyUsage", serverAuth: true, clientAuth: true },
      {
        name: "subjectAltName",
        altNames: [
          ...dns.map((value) => ({ type: 2 as const, value })),
          ...ip.map((one) => ({ type: 7 as const, ip: one })),
        ],
      },
    ],
  });
  return { key: made.private, cert: made.cert };
}
