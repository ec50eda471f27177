import { existsSync } from "node:fs";
import { get, type IncomingMessage } from "node:http";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { describe, expect, it, onTestFinished } from "vitest";
import { type Place, startProgram } from "./program.ts";
import { startNginx } from "./nginx.ts";

describe("a server of our own", () => {
  it("answers with its path, and its log has the request's id", async () => {
    const nginx = await startNginx({ protocol: "http/1.1" });
    onTestFinished(() => nginx.close());
    const request = get(`${nginx.origin}/7`, { agent: false, headers: { "x-request-id": "first" } });
    const [response] = (await once(request, "response")) as [IncomingMessage];
    expect([response.statusCode, await text(response)]).toEqual([200, "/7"]);
    await nginx.close();
    expect((await nginx.log()).map(({ id }) => id)).toEqual(["first"]);
  });

  it("says what the program said when it does not start", async () => {
    const starting = startNginx({ protocol: "http/1.1", settings: ["no_such_directive on;"] });
    await expect(starting).rejects.toThrow(/unknown directive "no_such_directive"/);
  });

  it("leaves nothing behind when it does not start", async () => {
    let place: Place | undefined;
    const starting = startProgram({ protocol: "http/1.1" }, (given) => {
      place = given;
      return { command: ["false"] };
    });
    await expect(starting).rejects.toThrow("false did not start");
    expect(existsSync(place!.folder)).toBe(false);
  });
});
