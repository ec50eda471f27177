import { frameServer } from "@holdfast/conformance/hostile";
import { describe, expect, it } from "vitest";
import { http2 } from "../src/index.ts";

const refused = 7;

describe("an attempt that the peer has refused", () => {
  it("cannot end the next by what comes of its trailers", async () => {
    const asked = Promise.withResolvers<void>();
    const failed = Promise.withResolvers<never>();
    await using server = await frameServer(async (peer) => {
      const first = await peer.request();
      await asked.promise;
      await peer.resetStream(first.stream, refused);
      const second = await peer.request();
      failed.reject(new Error("the sum of the first attempt"));
      await peer.body(second);
      // What was told by now was told before the answer.
      await peer.ping();
      await peer.respond(second.stream, "done");
    });
    await using transport = http2();
    let made = 0;
    const trailers = (): Promise<Record<string, string>> => {
      if (++made > 1) return failed.promise.catch(() => ({ "x-attempt": "2" }));
      asked.resolve();
      return failed.promise;
    };
    const response = await transport.request({ url: server.url, method: "POST", body: "x", trailers });
    expect(await response.body.text()).toBe("done");
    expect(made).toBe(2);
    expect(transport.stats().totals).toMatchObject({ exchangesFailed: 0 });
  });
});
