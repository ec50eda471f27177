import { once } from "node:events";
import { connect } from "node:http2";
import { frameServer } from "@holdfast/conformance/hostile";
import { expect, it } from "vitest";
import { nativeHandle } from "../src/native-handle.ts";

it("the native part of a session is where we look for it, until the session has ended", async () => {
  await using server = await frameServer(async (peer) => peer.closed);
  const session = connect(server.url);
  await once(session, "remoteSettings");
  expect(nativeHandle(session)?.constructor.name).toBe("Http2Session");
  session.destroy();
  await once(session, "close");
  expect(nativeHandle(session)).toBeUndefined();
});
