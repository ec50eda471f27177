import { once } from "node:events";
import type { AddressInfo, Socket } from "node:net";
import { connect, createServer } from "node:tls";
import { expect, it, onTestFinished } from "vitest";
import { authority, certificate } from "../src/hostile/certificates.ts";
import { beneath, resetSocket } from "../src/hostile/reset-socket.ts";
import { until } from "../src/turn.ts";

const ca = authority();

function tcpSockets(): number {
  return process.getActiveResourcesInfo().filter((kind) => kind === "TCPSocketWrap").length;
}

/** Both ends of a connection over TLS. */
async function pair(): Promise<{ readonly near: Socket; readonly far: Socket }> {
  const server = createServer(certificate({ ip: ["127.0.0.1"] }, ca)).listen(0, "127.0.0.1");
  await once(server, "listening");
  const accepted = once(server, "secureConnection") as Promise<[Socket]>;
  const far = connect({ host: "127.0.0.1", port: (server.address() as AddressInfo).port, ca: ca.cert });
  const [near] = await accepted;
  onTestFinished(() => {
    far.destroy();
    server.close();
  });
  for (const socket of [near, far]) socket.on("error", () => {});
  // What the handshake still has to say has left when this arrives.
  near.write("a");
  await once(far, "readable");
  return { near, far };
}

it("a socket over TLS is reset beneath it", async () => {
  const before = tcpSockets();
  const { near, far } = await pair();
  expect(beneath(near)).not.toBe(near);
  const failed = once(far, "error").catch((error: unknown) => [error]);
  resetSocket(near);
  far.resume();
  expect(await failed).toMatchObject([{ code: "ECONNRESET" }]);
  await until("both are gone", () => tcpSockets() <= before);
});

it("a socket over TLS that is ending is gone, too", async () => {
  const before = tcpSockets();
  const { near, far } = await pair();
  // Not of the socket beneath, to which node has told it.
  near.end();
  resetSocket(near);
  far.destroy();
  await until("both are gone", () => tcpSockets() <= before);
});
