/** What the kit cannot know: the rules of this protocol alone, against a peer that writes what it is told. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { failure, getText, type RawPeer, rawServer } from "@holdfast/conformance/hostile";
import { jsonl, type JsonlOptions } from "../src/index.ts";
import { decode } from "../src/line.ts";
import { LineReader } from "../src/line-reader.ts";

const ok = '{"status":200,"fields":[]}\n{"data":"b2s="}\n{"end":[]}\n';

/** Asks a server twice that answers the first request on each connection so; `texts` are what came of it. */
async function askTwice(answer: string, options: JsonlOptions = {}): Promise<PromiseSettledResult<string>[]> {
  const script = async (peer: RawPeer): Promise<void> => {
    for (;;) {
      await peer.until('{"end":[]}\n');
      await peer.write(peer.index === 0 ? answer : ok);
    }
  };
  const server = await rawServer(script);
  const transport = jsonl(options);
  const [first] = await Promise.allSettled([getText(transport, server.url)]);
  const [second] = await Promise.allSettled([getText(transport, server.url)]);
  await transport.destroy();
  await server[Symbol.asyncDispose]();
  return [first, second];
}

describe("a peer", () => {
  for (const [what, answer] of [
    ["is not JSON", "200 OK\n"],
    ["has no member that is known", '{"hello":"world"}\n'],
    ["has fields that are no pairs", '{"status":200,"fields":{}}\n'],
    ["is a body before its head", '{"data":"b2s="}\n'],
    ["is a head with a status out of range", '{"status":99,"fields":[]}\n'],
    ["is a second head", '{"status":200,"fields":[]}\n{"status":200,"fields":[]}\n'],
  ] as const) {
    it(`whose line ${what} fails the exchange with PROTOCOL_ERROR, and harms no other`, async () => {
      const [first, second] = await askTwice(answer);
      assert.equal(first?.status, "rejected");
      assert.equal((await failure(Promise.reject(first.reason))).code, "PROTOCOL_ERROR");
      assert.deepEqual(second, { status: "fulfilled", value: "ok" });
    });
  }

  it("whose line is longer than limits.lineBytes fails the exchange with LIMIT_EXCEEDED, and harms no other", async () => {
    const long = `{"status":200,"fields":[["x","${"a".repeat(100)}"]]}\n`;
    const [first, second] = await askTwice(long, { limits: { lineBytes: 100 } });
    assert.equal(first?.status, "rejected");
    assert.equal((await failure(Promise.reject(first.reason))).code, "LIMIT_EXCEEDED");
    assert.deepEqual(second, { status: "fulfilled", value: "ok" });
  });

  it("that answers twice does not answer the next request", async () => {
    const answers = await askTwice(ok + ok.replace("b2s=", "ZXZpbA=="));
    assert.deepEqual(answers, Array(2).fill({ status: "fulfilled", value: "ok" }));
  });
});

describe("lines", () => {
  it("are cut out of bytes however these come", () => {
    const reader = new LineReader();
    const text = '{"a":"é"}\n\n{"b":1}\n';
    const lines = [...Buffer.from(text)].flatMap((byte) => reader.read(Buffer.of(byte)));
    assert.deepEqual(lines, ['{"a":"é"}', "", '{"b":1}']);
    assert.equal(reader.within, false);
    assert.deepEqual(reader.read(Buffer.from(text)), lines);
  });

  it("are of the server, or nothing", () => {
    assert.deepEqual(decode('{"end":[["a","b"]],"more":1}'), { end: [["a", "b"]], more: 1 });
    for (const text of ["", "null", "[]", "1", "{", '{"end":[["a"]]}', '{"data":1}', '{"status":"200","fields":[]}']) {
      assert.equal(decode(text), undefined);
    }
  });
});
