import { describe, expect, it } from "vitest";
import { type DialOptions, dialler } from "../src/index.ts";

describe("the options of a dialler", () => {
  it.each([
    [{ socketPath: "" }, /^socketPath /],
    [{ socketPath: "/tmp/s", proxy: "http://p" }, /^socketPath and proxy exclude each other/],
    [{ proxy: "p:3128" }, /^proxy /],
    [{ lookup: "8.8.8.8" }, /^lookup /],
    [{ tls: { ALPNProtocols: ["h2"] } }, /^tls\.ALPNProtocols is unknown/],
    [{ tls: { cert: "no PEM" } }, /^tls cannot be used/],
    [{ tls: { servername: "127.0.0.1" } }, /^tls\.servername /],
    [{ tls: { rejectUnauthorized: 0 } }, /^tls\.rejectUnauthorized /],
    [{ tls: { checkServerIdentity: true } }, /^tls\.checkServerIdentity /],
    [{ tls: null }, /^tls /],
  ])("are refused by name: %j", (options, message) => {
    expect(() => dialler(options as unknown as DialOptions)).toThrow(TypeError);
    expect(() => dialler(options as unknown as DialOptions)).toThrow(message);
  });

  it("may all be left out", () => {
    expect(() => dialler()).not.toThrow();
  });
});
