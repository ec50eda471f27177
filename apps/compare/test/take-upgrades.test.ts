import { once } from "node:events";
import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { answerOver } from "@holdfast/exchange";
import { websocket } from "@holdfast/websocket";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { takeUpgrades } from "../src/take-upgrades.ts";

const server = createServer((_, response) => response.end("plain"));
takeUpgrades(server, (pipe) => answerOver(pipe, () => ({ body: "exchange" })));
let url: string;

beforeEach(async () => {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
});
afterEach(async () => {
  server.close();
  server.closeAllConnections();
  await once(server, "close");
});

describe("upgrades", () => {
  it("are taken for exchanges", async () => {
    const transport = websocket();
    const { body } = await transport.request({ url });
    expect(await body.text()).toBe("exchange");
    await transport.close();
  });

  it.each([
    ["that offer another sub-protocol", "chat, holdfast.mux.v10"],
    ["that offer none", ""],
  ])("%s are refused", async (_, offered) => {
    const headers = {
      connection: "upgrade",
      upgrade: "websocket",
      "sec-websocket-version": "13",
      "sec-websocket-key": Buffer.alloc(16).toString("base64"),
      ...(offered !== "" && { "sec-websocket-protocol": offered }),
    };
    const asked = request(url, { agent: false, headers }).end();
    const [response] = (await once(asked, "response")) as [{ readonly statusCode: number; resume(): void }];
    response.resume();
    expect(response.statusCode).toBe(400);
  });
});
