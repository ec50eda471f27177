import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bypassesProxy } from "../src/no-proxy.ts";

describe("NO_PROXY", () => {
  it.each([
    ["", "a.example", 443, false],
    ["*", "a.example", 443, true],
    ["a.example", "a.example", 443, true],
    ["A.Example", "a.example.", 443, true],
    ["a.example", "b.a.example", 443, true],
    ["a.example", "ba.example", 443, false],
    [".a.example", "b.a.example", 443, true],
    [".a.example", "a.example", 443, true],
    ["*.a.example", "b.a.example", 443, true],
    ["a.example:8443", "a.example", 8443, true],
    ["a.example:8443", "a.example", 443, false],
    ["x.example, a.example", "a.example", 443, true],
    ["x.example a.example", "a.example", 443, true],
    ["127.0.0.1", "127.0.0.1", 80, true],
    ["127.0.0.1:80", "127.0.0.1", 81, false],
    ["0.0.1", "127.0.0.1", 80, false],
    ["10.0.0.0/8", "10.1.2.3", 80, true],
    ["10.0.0.0/8", "11.1.2.3", 80, false],
    ["10.0.0.0/33", "10.0.0.0", 80, false],
    ["10.0.0.0/8", "10.example", 80, false],
    ["fd00::/8", "fd12::1", 80, true],
    ["fd00::/8", "fe80::1", 80, false],
    ["0:0:0:0:0:0:0:1", "::1", 80, true],
    ["[::1]:80", "::1", 80, true],
    ["[::1]:81", "::1", 80, false],
    [".", "a.example", 80, false],
    [",,", "a.example", 80, false],
    ["/8", "10.0.0.1", 80, false],
  ])("%j excepts %s:%i: %s", (list, hostname, port, expected) => {
    expect(bypassesProxy(list, hostname, port)).toBe(expected);
  });

  it("never throws, whatever the list", () => {
    fc.assert(
      fc.property(
        fc.string(),
        fc.domain(),
        (list, hostname) => typeof bypassesProxy(list, hostname, 443) === "boolean",
      ),
    );
  });

  it("excepts every name that is listed, and its subdomains", () => {
    fc.assert(
      fc.property(fc.domain(), fc.array(fc.domain()), (name, others) => {
        const list = [...others, name].join(",");
        return bypassesProxy(list, name, 443) && bypassesProxy(list, `sub.${name}`, 443);
      }),
    );
  });
});
