import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import type { BodyBuffer, BodyReader } from "../src/body.ts";
import { bench, turn } from "./body-bench.ts";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

/** A body of which the caller keeps only what `take` returns; the adapter keeps its end. */
interface Kept {
  readonly buffer: BodyBuffer;
  readonly taken: unknown;
  readonly reader: WeakRef<BodyReader>;
}

function keep(take: (body: BodyReader) => unknown): Kept {
  const { buffer, body } = bench();
  return { buffer, taken: take(body), reader: new WeakRef(body) };
}

/** Collects until a body that nobody kept is gone, so what is still there then is held by somebody. */
async function collectUnread(): Promise<void> {
  const { reader } = keep(() => undefined);
  for (let round = 0; round < 50 && reader.deref() !== undefined; round += 1) {
    await turn();
    collectGarbage();
  }
  expect(reader.deref()).toBeUndefined();
}

describe("a body whose response was let go", () => {
  it.each<[string, (body: BodyReader) => unknown]>([
    ["bytes() is pending", (body) => body.bytes()],
    ["text() is pending", (body) => body.text()],
    ["json() is pending", (body) => body.json().catch(() => undefined)],
    ["its iterator is kept", (body) => body[Symbol.asyncIterator]()],
    ["its stream is kept", (body) => body.stream()],
    ["a read of its stream is pending", (body) => body.stream().getReader().read()],
  ])("is not collected while %s", async (_, take) => {
    const kept = keep(take);
    await collectUnread();
    expect(kept.reader.deref()).toBeDefined();
    expect(kept.taken).toBeDefined();
    kept.buffer.end();
  });

  it("can be collected although its adapter still fills it", async () => {
    const kept = keep(() => undefined);
    await collectUnread();
    expect(kept.reader.deref()).toBeUndefined();
    expect(kept.buffer.state).toBe("open");
  });

  it.each<[string, (body: BodyReader) => unknown]>([
    ["iterator", (body) => body[Symbol.asyncIterator]()],
    ["stream", (body) => body.stream()],
  ])("can be collected once its %s was let go too", async (_, take) => {
    const kept = keep((body) => void take(body));
    await collectUnread();
    expect(kept.reader.deref()).toBeUndefined();
  });
});
