import { inspect } from "node:util";
import {
  expectNextWorks,
  failure,
  frameAnswers as answering,
  type FramePeer,
  frames,
  frameServer,
  getText,
  uint,
} from "@holdfast/conformance/hostile";
import { describe, expect, it } from "vitest";
import { http2 } from "../src/index.ts";

describe("an error", () => {
  const answers: Readonly<Record<string, (peer: FramePeer, stream: number) => Promise<void> | void>> = {
    "/secret/fin": (peer) => peer.fin(),
    "/secret/reset": (peer, stream) => peer.resetStream(stream, 2),
    "/secret/garbage": (peer) => peer.write("secret secret secret secret"),
    "/secret/cut": async (peer, stream) => {
      await peer.headers(stream, [
        [":status", "200"],
        ["x", "secret"],
      ]);
      await peer.data(stream, "secret");
      await peer.resetStream(stream, 0);
    },
    "/secret/long": (peer, stream) =>
      peer.headers(stream, [
        [":status", "200"],
        ["x", "secret".repeat(5_000)],
      ]),
    "/secret/status": (peer, stream) => peer.headers(stream, [[":status", "777"]]),
    "/secret/goaway": (peer, stream) =>
      peer.send(frames.goAway, 0, Buffer.concat([uint(stream, 4), uint(2, 4), Buffer.from("secret")])),
  };

  it.each(Object.keys(answers))("tells nothing of path, fields or body, and keeps its cause: %s", async (path) => {
    await using server = await frameServer(
      answering((request, peer) =>
        request.path === "/next" ? peer.respond(request.stream) : answers[path]?.(peer, request.stream),
      ),
    );
    await using transport = http2();
    const request = { url: server.url + path, method: "POST", headers: { authorization: "secret" }, body: "secret" };
    const error = await failure(transport.request(request).then(({ body }) => body.bytes()));
    // What the engine or the system said is kept as it is; everything else is ours.
    const own = Object.entries(error).filter(([name]) => name !== "cause");
    expect(`${error.message} ${error.stack} ${inspect(own)}`).not.toContain("secret");
    expect(error.message).toContain(server.url);
    expect(error).toMatchObject({ protocol: "h2", origin: server.url, attempt: 1 });
    if (error.code !== "PROTOCOL_ERROR" && error.code !== "LIMIT_EXCEEDED") expect(error.cause).toBeInstanceOf(Error);
    await expectNextWorks(transport, server);
  });
});

describe("a reset", () => {
  it.each([0, 1, 2, 8, 11])(
    "with code %i was an answer: even a GET on a used session is not sent again",
    async (code) => {
      await using server = await frameServer(
        answering(({ path, stream }, peer) =>
          path === "/reset" ? peer.resetStream(stream, code) : peer.respond(stream),
        ),
      );
      await using transport = http2();
      await getText(transport, `${server.url}/warm`);
      const error = await failure(getText(transport, `${server.url}/reset`));
      expect(error).toMatchObject({ delivery: "maybe-sent", reused: true, attempts: [] });
      await expectNextWorks(transport, server);
      expect(server.requests.filter(({ path }) => path === "/reset")).toHaveLength(1);
      expect(server.peers).toHaveLength(1);
    },
  );
});
