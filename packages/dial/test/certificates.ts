import { generate } from "selfsigned";

export interface Certificate {
  readonly key: string;
  readonly cert: string;
}

/** An authority that nobody trusts unless told. */
export async function authority(name = "Holdfast test authority"): Promise<Certificate> {
  const made = await generate([{ name: "commonName", value: name }], {
    keyType: "ec",
    algorithm: "sha256",
    extensions: [
      { name: "basicConstraints", cA: true, critical: true },
      { name: "keyUsage", keyCertSign: true, cRLSign: true, critical: true },
    ],
  });
  return { key: made.private, cert: made.cert };
}

/** A certificate for names and addresses, issued by `ca` or by itself. */
export async function certificate(
  hosts: { readonly dns?: readonly string[]; readonly ip?: readonly string[] },
  ca?: Certificate,
  validity: { readonly notBeforeDate?: Date; readonly notAfterDate?: Date } = {},
): Promise<Certificate> {
  const { dns = [], ip = [] } = hosts;
  const made = await generate([{ name: "commonName", value: dns[0] ?? "client" }], {
    keyType: "ec",
    algorithm: "sha256",
    ...(ca === undefined ? {} : { ca }),
    ...validity,
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
