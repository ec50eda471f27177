import { describe, expect, it } from "vitest";
import { parseProxy, proxyFromEnvironment } from "../src/proxy.ts";

describe("the URL of a proxy", () => {
  it("gives kind, host, port and decoded credentials", () => {
    expect(parseProxy("http://us%40er:p%3Ass@proxy.example:3128", "proxy")).toEqual({
      kind: "http:",
      hostname: "proxy.example",
      port: 3128,
      credentials: { username: "us@er", password: "p:ss" },
      label: "http://proxy.example:3128",
    });
  });

  it.each([
    ["http://p.example", 80],
    ["https://p.example", 443],
    ["socks5://p.example", 1080],
    ["socks5h://p.example", 1080],
  ])("has a default port: %s, %i", (url, port) => {
    expect(parseProxy(url, "proxy").port).toBe(port);
  });

  it("takes the brackets off an IPv6 literal", () => {
    expect(parseProxy(new URL("http://[::1]:8080"), "proxy").hostname).toBe("::1");
  });

  it.each([
    "proxy.example:3128",
    "socks4://secret@p.example",
    "ftp://p.example",
    "http://secret@p.example/path",
    "http://%ff:secret@p.example",
    7,
  ])("is refused without being quoted: %s", (value) => {
    expect(() => parseProxy(value, "proxy")).toThrow(TypeError);
    expect(() => parseProxy(value, "proxy")).toThrow(/^proxy (?!.*secret)/);
  });
});

describe("the proxy of the environment", () => {
  const https = { secure: true, hostname: "a.example", port: 443 };
  const http = { secure: false, hostname: "a.example", port: 80 };

  it.each([
    [https, { HTTPS_PROXY: "http://p:1" }, "http://p:1"],
    [https, { https_proxy: "http://p:1", HTTPS_PROXY: "http://p:2" }, "http://p:1"],
    [https, { HTTP_PROXY: "http://p:1" }, undefined],
    [https, { HTTPS_PROXY: "", ALL_PROXY: "socks5h://p:1" }, "socks5h://p:1"],
    [https, { HTTPS_PROXY: "p:3128" }, "http://p:3128"],
    [https, { HTTPS_PROXY: "http://p:1", NO_PROXY: "a.example" }, undefined],
    [https, { HTTPS_PROXY: "http://p:1", NO_PROXY: "a.example", no_proxy: "b.example" }, "http://p:1"],
    [https, { HTTPS_PROXY: "http://p:1", REQUEST_METHOD: "GET" }, "http://p:1"],
    [http, { HTTP_PROXY: "http://p:1" }, "http://p:1"],
    [http, { HTTP_PROXY: "http://p:1", REQUEST_METHOD: "GET" }, undefined],
    [http, { http_proxy: "http://p:1", REQUEST_METHOD: "GET" }, "http://p:1"],
    [http, { HTTP_PROXY: "http://evil:1", REQUEST_METHOD: "GET", ALL_PROXY: "http://p:1" }, "http://p:1"],
    [http, {}, undefined],
  ])("%j with %j is %s", (question, environment, label) => {
    expect(proxyFromEnvironment(question, environment)?.label).toBe(label);
  });

  it("is not silently left out when it cannot be read", () => {
    expect(() => proxyFromEnvironment(https, { HTTPS_PROXY: "gopher://secret@p" })).toThrow(
      /^HTTPS_PROXY (?!.*secret)/,
    );
  });
});
