import { failure, getText } from "@holdfast/conformance/hostile";
import { answerOver, muxSubprotocol, socketPipe } from "@holdfast/exchange";
import { describe, expect, it } from "vitest";
import { websocket } from "../src/index.ts";
import { Gate, muxServer } from "./mux-server.ts";
import { echo, socketServer } from "./socket-server.ts";

describe("maxTotalConnections, over channels and sockets of exchanges together,", () => {
  it("makes an exchange wait while channels have all places", async () => {
    await using plain = await socketServer(echo);
    await using server = await muxServer(() => ({ body: "ok" }));
    await using transport = websocket({ maxTotalConnections: 2 });
    const [first] = await Promise.all([transport.open({ url: plain.url }), transport.open({ url: plain.url })]);
    const asked = getText(transport, server.url);
    expect(transport.stats()).toMatchObject({ connections: { active: 2, connecting: 0 }, exchanges: { queued: 1 } });
    await first?.close();
    expect(await asked).toBe("ok");
    expect(server.accepted).toHaveLength(1);
  });

  it("gives such an exchange up after queueMs", async () => {
    await using plain = await socketServer(echo);
    await using transport = websocket({ maxTotalConnections: 1, timeouts: { queueMs: 20 } });
    await using channel = await transport.open({ url: plain.url });
    expect(await failure(getText(transport, plain.url))).toMatchObject({ code: "QUEUE_TIMEOUT", delivery: "not-sent" });
    expect(channel.connection.origin).toBe(plain.url);
  });

  it("refuses a channel while sockets of exchanges are busy, and takes the place of one that is idle", async () => {
    const gate = new Gate();
    await using plain = await socketServer(echo);
    await using server = await muxServer(async () => {
      await gate.pass();
      return { body: "ok" };
    });
    await using transport = websocket({ maxTotalConnections: 1 });
    const asked = getText(transport, server.url);
    await gate.holds(1);
    const error = await failure(transport.open({ url: plain.url }));
    expect(error).toMatchObject({ code: "QUEUE_FULL", delivery: "not-sent", phase: "queue" });
    gate.open();
    expect(await asked).toBe("ok");
    await using channel = await transport.open({ url: plain.url });
    expect(transport.stats().connections).toEqual({ connecting: 0, active: 1, idle: 0, draining: 0 });
    expect(server.sockets.size).toBe(0);
    await channel.send("there");
  });

  it("is given back by a caller that does not wait until an idle socket has made room", async () => {
    await using plain = await socketServer(echo);
    await using server = await muxServer(() => ({ body: "ok" }));
    await using transport = websocket({ maxTotalConnections: 1 });
    expect(await getText(transport, server.url)).toBe("ok");
    const [idle] = server.sockets;
    idle?.pause();
    const controller = new AbortController();
    const asked = failure(transport.open({ url: plain.url, signal: controller.signal }));
    expect(transport.stats().connections).toMatchObject({ idle: 0, draining: 1 });
    controller.abort();
    expect(await asked).toMatchObject({ code: "ABORTED", delivery: "not-sent", phase: "queue" });
    idle?.resume();
    expect(await getText(transport, server.url)).toBe("ok");
  });

  it("is given back by a channel that could not be opened", async () => {
    await using server = await muxServer(() => ({ body: "ok" }));
    await using transport = websocket({ maxTotalConnections: 1 });
    const refused = failure(transport.open({ url: server.url, subprotocols: ["other"] }));
    expect(await refused).toMatchObject({ code: "NEGOTIATION_FAILED" });
    const given = failure(transport.open({ url: server.url, signal: AbortSignal.abort() }));
    expect(await given).toMatchObject({ code: "ABORTED" });
    expect(await getText(transport, server.url)).toBe("ok");
  });

  it("holds under a crowd of both, and every exchange is answered", async () => {
    let open = 0;
    let most = 0;
    await using plain = await socketServer(
      (socket) => {
        most = Math.max(most, ++open);
        socket.once("close", () => void open--);
        if (socket.protocol === muxSubprotocol) answerOver(socketPipe(socket), () => ({ body: "ok" }));
      },
      { handleProtocols: (offered) => (offered.has(muxSubprotocol) ? muxSubprotocol : false) },
    );
    await using transport = websocket({ maxTotalConnections: 2, maxStreams: 1, maxExchanges: 3 });
    let opened = 0;
    const worker = async (): Promise<void> => {
      for (let i = 0; i < 10; i++) {
        expect(await getText(transport, plain.url)).toBe("ok");
        const channel = await transport.open({ url: plain.url }).catch((error: unknown) => {
          expect(error).toMatchObject({ code: "QUEUE_FULL" });
        });
        if (channel === undefined) continue;
        opened++;
        await channel.close();
      }
    };
    await Promise.all(Array.from({ length: 8 }, worker));
    expect(opened).toBeGreaterThan(0);
    expect(most).toBe(2);
  });
});
