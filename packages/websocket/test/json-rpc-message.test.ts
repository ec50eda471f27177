import { describe, expect, it } from "vitest";
import {
  BadMessage,
  isParams,
  methodOf,
  readMessage,
  statusOf,
  writeNoSuchMethod,
  writeRequest,
} from "../src/json-rpc-message.ts";

describe("a message is read", () => {
  it.each([
    ['{"jsonrpc":"2.0","id":1,"result":[1,"é",null]}', { kind: "response", id: 1, status: 200, body: '[1,"é",null]' }],
    ['{"result":null,"id":7,"jsonrpc":"2.0"}', { kind: "response", id: 7, status: 200, body: "null" }],
    [
      '{"jsonrpc":"2.0","id":2,"error":{"code":-32601,"message":"no","data":[1]}}',
      { kind: "response", id: 2, status: 404, body: '{"code":-32601,"message":"no","data":[1]}' },
    ],
    ['{"jsonrpc":"2.0","method":"tick","params":[1]}', { kind: "notification", method: "tick", params: [1] }],
    ['{"jsonrpc":"2.0","method":"tick"}', { kind: "notification", method: "tick", params: undefined }],
    ['{"jsonrpc":"2.0","id":"a\\"b","method":"ask"}', { kind: "request", id: '"a\\"b"' }],
    ['{"jsonrpc":"2.0","id":null,"method":"ask"}', { kind: "request", id: "null" }],
  ])("%s", (text, message) => {
    expect(readMessage(text)).toEqual(message);
  });

  it.each(["12345678901234567890", "0.1234567890123456789", "1e400", "-1E-400", "9007199254740993", "1e5"])(
    "with the number %s kept as it was written",
    (number) => {
      const result = `{"n":${number},"text":"${number}"}`;
      expect(readMessage(`{"jsonrpc":"2.0","id":1,"result":${result}}`)).toMatchObject({ body: result });
    },
  );

  it.each([
    "",
    "nothing",
    "null",
    "1",
    '"text"',
    "[]",
    '[{"jsonrpc":"2.0","id":1,"result":1}]',
    "{}",
    '{"jsonrpc":"1.0","id":1,"result":1}',
    '{"id":1,"result":1}',
    '{"jsonrpc":"2.0","id":1}',
    '{"jsonrpc":"2.0","id":1,"result":1,"error":{"code":1,"message":""}}',
    '{"jsonrpc":"2.0","id":"1","result":1}',
    '{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"Parse error"}}',
    '{"jsonrpc":"2.0","result":1}',
    '{"jsonrpc":"2.0","id":1,"error":null}',
    '{"jsonrpc":"2.0","id":1,"error":"no"}',
    '{"jsonrpc":"2.0","id":1,"error":{"code":"1","message":"no"}}',
    '{"jsonrpc":"2.0","id":1,"error":{"code":1.5,"message":"no"}}',
    '{"jsonrpc":"2.0","id":1,"error":{"code":1}}',
    '{"jsonrpc":"2.0","method":1}',
    '{"jsonrpc":"2.0","method":"m","id":{}}',
  ])("only if it is one: not %j", (text) => {
    expect(() => readMessage(text)).toThrow(BadMessage);
  });
});

describe("a message is written", () => {
  it("with params, or without", () => {
    expect(writeRequest(3, "a.b", "[1]")).toBe('{"jsonrpc":"2.0","id":3,"method":"a.b","params":[1]}');
    expect(writeRequest(4, 'a"b', "")).toBe('{"jsonrpc":"2.0","id":4,"method":"a\\"b"}');
    expect(JSON.parse(writeNoSuchMethod('"x"'))).toEqual({
      jsonrpc: "2.0",
      id: "x",
      error: { code: -32_601, message: "Method not found" },
    });
  });

  it("with no params but an object or an array of JSON", () => {
    expect(["{}", "[]", " [1] ", '{"a":{}}'].map(isParams)).toEqual([true, true, true, true]);
    expect(["", "1", "null", '"a"', "{", "[1],", '[1]},"method":"other"', "\ufeff[]"].map(isParams)).not.toContain(
      true,
    );
  });
});

describe("a method", () => {
  it("is the path of a URL", () => {
    expect(["/a", "/a.b", "/a/b", "/%C3%A9", "/a%2Fb"].map(methodOf)).toEqual(["a", "a.b", "a/b", "é", "a/b"]);
    expect(["/", "/a?b", "/%", "/%ff"].map(methodOf)).toEqual([undefined, undefined, undefined, undefined]);
  });
});

describe("an error code", () => {
  it("is a status", () => {
    const codes = [-32_601, -32_600, -32_602, -32_700, -32_603, -32_000, 1, 0];
    expect(codes.map(statusOf)).toEqual([404, 400, 400, 400, 500, 500, 500, 500]);
  });
});
