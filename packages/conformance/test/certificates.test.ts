import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { connect, createServer, type TLSSocket } from "node:tls";
import { authority, certificate, type Certificate } from "@holdfast/conformance/hostile";
import { describe, expect, it } from "vitest";

/** How a client that trusts `ca` and wants `servername` finds a server with this certificate. */
async function meet(server: Certificate, ca: string, servername: string): Promise<string> {
  const listener = createServer(server, (socket) => socket.on("error", () => {}).end());
  listener.on("tlsClientError", () => {});
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  const { port } = listener.address() as AddressInfo;
  const socket: TLSSocket = connect({ host: "127.0.0.1", port, ca, servername });
  const outcome = await new Promise<string>((resolve) => {
    socket.once("secureConnect", () => resolve("trusted"));
    socket.once("error", (error: NodeJS.ErrnoException) => resolve(String(error.code)));
  });
  socket.destroy();
  listener.close();
  await once(listener, "close");
  return outcome;
}

describe("a certificate", () => {
  const ca = authority("An authority");

  it("says whom it is for, who issued it and since when it holds", () => {
    const made = certificate({ dns: ["a.example", "*.b.example"], ip: ["127.0.0.1", "::1"] }, ca);
    const read = new X509Certificate(made.cert);
    expect([read.subject, read.issuer, read.ca]).toEqual(["CN=a.example", "CN=An authority", false]);
    expect(read.subjectAltName).toBe(
      "DNS:a.example, DNS:*.b.example, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1",
    );
    expect(read.verify(new X509Certificate(ca.cert).publicKey)).toBe(true);
    expect(Date.parse(read.validFrom)).toBeLessThan(Date.now());
    expect(Date.parse(read.validTo)).toBeGreaterThan(Date.now());
    expect(new X509Certificate(ca.cert).ca).toBe(true);
  });

  it("is trusted with its authority and its names, and only so", async () => {
    const made = certificate({ dns: ["a.example"] }, ca);
    expect(await meet(made, ca.cert, "a.example")).toBe("trusted");
    expect(await meet(made, ca.cert, "b.example")).toBe("ERR_TLS_CERT_ALTNAME_INVALID");
    expect(await meet(made, authority().cert, "a.example")).toMatch(/^(UNABLE|SELF)/);
    expect(await meet(certificate({ dns: ["a.example"] }), ca.cert, "a.example")).toMatch(/^(DEPTH|UNABLE|SELF)/);
  });

  it("can have expired, and can hold for a century", async () => {
    const expired = certificate({ dns: ["a.example"] }, ca, { from: new Date(0), to: new Date(86_400_000) });
    expect(await meet(expired, ca.cert, "a.example")).toBe("CERT_HAS_EXPIRED");
    const long = certificate({ dns: ["a.example"] }, ca, { to: new Date("2126-01-01T00:00:00Z") });
    expect(new X509Certificate(long.cert).validTo).toBe("Jan  1 00:00:00 2126 GMT");
    expect(await meet(long, ca.cert, "a.example")).toBe("trusted");
  });

  it("is not made for an address that is none", () => {
    expect(() => certificate({ ip: ["fe80::1"] }, ca)).toThrow("fe80::1");
  });
});
