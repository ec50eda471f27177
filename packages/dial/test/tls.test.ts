import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TlsOptions as ServerOptions } from "node:tls";
import type { TransportError } from "@holdfast/transport";
import { afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { dialler, isTlsFailure, type TlsOptions, tlsReason } from "../src/index.ts";
import { type Certificate, authority, certificate } from "./certificates.ts";
import { lookupOf, rejection, requestFor, tcpServer, tlsServer } from "./servers.ts";

let ca: Certificate;
let good: Certificate;
let client: Certificate;
const lookup = lookupOf("127.0.0.1");

beforeAll(async () => {
  ca = await authority();
  [good, client] = await Promise.all([
    certificate({ dns: ["a.example"], ip: ["127.0.0.1"] }, ca),
    certificate({ dns: ["client"] }, ca),
  ]);
});

afterEach(() => vi.unstubAllEnvs());

const h2 = { offer: ["h2"], required: true };

/** The failure of a dial to a TLS server, which keeps no socket of it. */
async function failure(
  server: ServerOptions,
  tls: TlsOptions = { ca: ca.cert },
  host = "a.example",
  alpn = { offer: [] as string[], required: false },
): Promise<TransportError> {
  await using peer = await tlsServer(server);
  const error = await rejection(
    dialler({ tls, lookup }).dial(requestFor(`https://${host}:${peer.port}`, { alpn })).done,
  );
  await peer.allClosed();
  expect(error).toMatchObject({ phase: "secure", delivery: "not-sent" });
  return error as TransportError;
}

describe("a TLS dial", () => {
  it("says what was agreed, and when", async () => {
    await using server = await tlsServer({ ...good, ALPNProtocols: ["h2"] });
    const dialled = await dialler({ tls: { ca: ca.cert }, lookup }).dial(
      requestFor(`https://a.example:${server.port}`, { alpn: h2 }),
    ).done;
    expect(dialled.tls).toEqual({
      version: "TLSv1.3",
      cipher: expect.stringMatching(/^TLS_/),
      alpn: "h2",
      resumed: false,
    });
    expect(dialled.securedAt).toBeGreaterThanOrEqual(dialled.connectedAt ?? Infinity);
    expect(dialled).toMatchObject({ remoteAddress: "127.0.0.1", remotePort: server.port });
    dialled.socket.destroy();
    await server.allClosed();
  });

  it("sends the host as SNI, without the final dot, and none for an IP literal", async () => {
    const names: unknown[] = [];
    await using server = await tlsServer(good, (socket) => {
      names.push((socket as unknown as { readonly servername: unknown }).servername);
      socket.end("x");
    });
    for (const host of ["a.example", "a.example.", "127.0.0.1"]) {
      const { socket } = await dialler({ tls: { ca: ca.cert }, lookup }).dial(
        requestFor(`https://${host}:${server.port}`),
      ).done;
      await once(socket, "readable");
      socket.destroy();
    }
    expect(names).toEqual(["a.example", "a.example", false]);
  });

  it("checks the certificate against tls.servername where that is given", async () => {
    await using server = await tlsServer(good);
    const { socket } = await dialler({ tls: { ca: ca.cert, servername: "a.example" }, lookup }).dial(
      requestFor(`https://b.example:${server.port}`),
    ).done;
    socket.destroy();
  });

  it("presents a client certificate", async () => {
    await using server = await tlsServer(
      { ...good, ca: ca.cert, requestCert: true, rejectUnauthorized: true },
      (socket) => socket.end("welcome"),
    );
    const { socket } = await dialler({ tls: { ca: ca.cert, ...client }, lookup }).dial(
      requestFor(`https://a.example:${server.port}`),
    ).done;
    await once(socket, "readable");
    expect(String(socket.read())).toBe("welcome");
    socket.destroy();
  });

  it("works over a unix socket", async () => {
    const folder = await mkdtemp(join(tmpdir(), "dial-"));
    const socketPath = join(folder, "s");
    {
      await using server = await tlsServer(good, undefined, { path: socketPath });
      const { socket, tls } = await dialler({ tls: { ca: ca.cert }, socketPath }).dial(requestFor("https://a.example"))
        .done;
      expect(tls?.version).toBe("TLSv1.3");
      socket.destroy();
      await server.allClosed();
    }
    await rm(folder, { recursive: true });
  });

  it("accepts any certificate if told so, and only then", async () => {
    vi.stubEnv("NODE_TLS_REJECT_UNAUTHORIZED", "0");
    const self = await certificate({ dns: ["b.example"] });
    await using server = await tlsServer(self);
    const request = requestFor(`https://a.example:${server.port}`);
    expect(await rejection(dialler({ lookup }).dial(request).done)).toMatchObject({ code: "TLS_FAILED" });
    const { socket } = await dialler({ lookup, tls: { rejectUnauthorized: false } }).dial(request).done;
    socket.destroy();
  });
});

describe("a TLS dial that fails", () => {
  it("for an unknown authority", async () => {
    const error = await failure(good, {});
    expect(error).toMatchObject({ code: "TLS_FAILED", cause: { code: "UNABLE_TO_VERIFY_LEAF_SIGNATURE" } });
    expect(error.message).toMatch(
      /^no TLS connection to https:\/\/a\.example:\d+: the certificate was issued by an authority that is not trusted/,
    );
  });

  it("for a self-signed certificate", async () => {
    expect((await failure(await certificate({ dns: ["a.example"] }))).message).toMatch(/self-signed/);
  });

  it("for one that has expired, and one that is not valid yet", async () => {
    const day = 86_400_000;
    const old = { notBeforeDate: new Date(Date.now() - 9 * day), notAfterDate: new Date(Date.now() - day) };
    const young = { notBeforeDate: new Date(Date.now() + day), notAfterDate: new Date(Date.now() + 9 * day) };
    expect((await failure(await certificate({ dns: ["a.example"] }, ca, old))).message).toMatch(/has expired/);
    expect((await failure(await certificate({ dns: ["a.example"] }, ca, young))).message).toMatch(/not valid yet/);
  });

  it("for another name, and another IP address", async () => {
    const other = await certificate({ dns: ["other.example"] }, ca);
    expect((await failure(other)).message).toMatch(/the certificate is for other\.example, not for a\.example$/);
    expect((await failure(other, { ca: ca.cert }, "127.0.0.1")).message).toMatch(
      /the certificate is for other\.example, not for 127\.0\.0\.1$/,
    );
  });

  it("by the caller's own check", async () => {
    const refusal = new Error("not the pinned key");
    const error = await failure(good, { ca: ca.cert, checkServerIdentity: () => refusal });
    expect(error.cause).toBe(refusal);
    expect(error.message).toMatch(/not the pinned key$/);
  });

  it("for no TLS version in common, whoever says so", async () => {
    expect((await failure({ ...good, maxVersion: "TLSv1.2" }, { ca: ca.cert, minVersion: "TLSv1.3" })).message).toMatch(
      /no TLS version/,
    );
  });

  it("for no cipher in common", async () => {
    const error = await failure(
      { ...good, maxVersion: "TLSv1.2", ciphers: "ECDHE-ECDSA-AES128-GCM-SHA256" },
      { ca: ca.cert, ciphers: "ECDHE-ECDSA-AES256-GCM-SHA384", maxVersion: "TLSv1.2" },
    );
    expect(error.message).toMatch(/accepts none of our parameters/);
  });

  it("for a missing client certificate in TLS 1.2", async () => {
    const error = await failure({
      ...good,
      ca: ca.cert,
      requestCert: true,
      rejectUnauthorized: true,
      maxVersion: "TLSv1.2",
    });
    expect(error.code).toBe("TLS_FAILED");
    expect(error.message).toMatch(/client certificate/);
  });

  it.each([
    ["answers in cleartext", "HTTP/1.1 400 Bad Request\r\n\r\n", /does not speak TLS/],
    ["speaks first", "220 mail.example ESMTP\r\n", /does not speak TLS/],
    ["hangs up", undefined, /closed the connection during the handshake/],
  ])("with a peer that %s", async (_what, answer, message) => {
    await using server = await tcpServer((socket) =>
      socket.once("data", () => (answer === undefined ? socket.end() : socket.end(answer))),
    );
    const error = await rejection(dialler({ lookup }).dial(requestFor(`https://a.example:${server.port}`)).done);
    expect(error).toMatchObject({ code: "TLS_FAILED", phase: "secure" });
    expect(error.message).toMatch(message);
    await server.allClosed();
  });
});

describe("a client certificate that is missing in TLS 1.3", () => {
  it("is found after the dial, and known for a TLS failure", async () => {
    await using server = await tlsServer({ ...good, ca: ca.cert, requestCert: true, rejectUnauthorized: true });
    const { socket } = await dialler({ tls: { ca: ca.cert }, lookup }).dial(
      requestFor(`https://a.example:${server.port}`),
    ).done;
    const error = await new Promise((resolve) => socket.once("error", resolve));
    expect(isTlsFailure(error)).toBe(true);
    expect(tlsReason(error)).toMatch(/requires a client certificate/);
    await server.allClosed();
  });
});

describe("ALPN", () => {
  it.each([
    [
      "is refused by a peer that speaks something else",
      { ALPNProtocols: ["http/1.1"] },
      /speaks none of the protocols offered in TLS \(ALPN\): h2/,
    ],
    ["is not answered by a peer that knows none", {}, /did not agree to h2 .*it chose no protocol/],
  ])("%s", async (_what, server, message) => {
    const error = await failure({ ...good, ...server }, { ca: ca.cert }, "a.example", h2);
    expect(error.code).toBe("NEGOTIATION_FAILED");
    expect(error.message).toMatch(message);
  });

  it("is optional unless required", async () => {
    await using server = await tlsServer(good);
    const alpn = { offer: ["http/1.1"], required: false };
    const { socket, tls } = await dialler({ tls: { ca: ca.cert }, lookup }).dial(
      requestFor(`https://a.example:${server.port}`, { alpn }),
    ).done;
    expect(tls?.alpn).toBe("");
    socket.destroy();
  });
});

describe("resumption", () => {
  it.each(["TLSv1.2", "TLSv1.3"] as const)(
    "makes the second %s connection of a dialler a shorter one",
    async (version) => {
      await using server = await tlsServer({ ...good, maxVersion: version }, (socket) => socket.write("x"));
      const { dial } = dialler({ tls: { ca: ca.cert }, lookup });
      const request = requestFor(`https://a.example:${server.port}`);
      const resumed: unknown[] = [];
      for (let i = 0; i < 2; i++) {
        const { socket, tls } = await dial(request).done;
        // The ticket of TLS 1.3 comes before the first byte.
        await once(socket, "readable");
        resumed.push(tls?.resumed);
        socket.destroy();
      }
      expect(resumed).toEqual([false, true]);
    },
  );

  it("never skips the check of a name that failed it before", async () => {
    await using server = await tlsServer({
      ...(await certificate({ dns: ["other.example"] }, ca)),
      maxVersion: "TLSv1.2",
    });
    const { dial } = dialler({ tls: { ca: ca.cert }, lookup });
    const request = requestFor(`https://a.example:${server.port}`);
    expect(await rejection(dial(request).done)).toMatchObject({ code: "TLS_FAILED" });
    expect(await rejection(dial(request).done)).toMatchObject({ code: "TLS_FAILED" });
  });

  it("is not shared between diallers", async () => {
    await using server = await tlsServer(good, (socket) => socket.write("x"));
    for (let i = 0; i < 2; i++) {
      const { socket, tls } = await dialler({ tls: { ca: ca.cert }, lookup }).dial(
        requestFor(`https://a.example:${server.port}`),
      ).done;
      await once(socket, "readable");
      expect(tls?.resumed).toBe(false);
      socket.destroy();
    }
  });
});
