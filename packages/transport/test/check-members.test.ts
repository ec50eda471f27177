import { describe, expect, it } from "vitest";
import { checkRequest } from "../src/check-request.ts";

const check = (request: object): ReturnType<typeof checkRequest> =>
  checkRequest({ url: "https://a.example/", ...request });

describe("members of a request that have the wrong type", () => {
  it.each([
    ["idempotent", { idempotent: "yes" }],
    ["trailers", { trailers: {} }],
    ["onInformational", { onInformational: true }],
    ["onPush", { onPush: 1 }],
  ])("are refused by name: %s", (name, member) => {
    expect(() => check(member)).toThrow(new RegExp(`^${name} is not a `));
  });

  it("include a host that is given twice, in whatever case", () => {
    expect(() => check({ headers: { host: ["a", "b"] } })).toThrow("host is given twice");
    expect(() => check({ headers: { host: "a", Host: "b" } })).toThrow("host is given twice");
    expect(check({ headers: { host: "a", via: "host" } }).headers).toEqual(["host", "a", "via", "host"]);
  });
});
