import { describe, expect, it } from "vitest";
import { MessageQueue } from "../src/message-queue.ts";

/** A queue, and what it asked of its source. */
function queueOf(): { readonly queue: MessageQueue; readonly asked: string[] } {
  const asked: string[] = [];
  return {
    queue: new MessageQueue(
      () => asked.push("pause"),
      () => asked.push("resume"),
    ),
    asked,
  };
}

const done = { done: true, value: undefined };
const of = (value: string): object => ({ done: false, value });

describe("messages", () => {
  it("come out in their order, before or after they were asked for", async () => {
    const { queue } = queueOf();
    queue.push("a");
    queue.push("b");
    expect([await queue.next(), await queue.next()]).toEqual([of("a"), of("b")]);
    const waiting = queue.next();
    queue.push("c");
    expect(await waiting).toEqual(of("c"));
  });

  it("are read by one at a time", async () => {
    const { queue } = queueOf();
    const waiting = queue.next();
    await expect(queue.next()).rejects.toThrow(TypeError);
    queue.push("a");
    expect(await waiting).toEqual(of("a"));
  });

  it("that came before the end are still read, then the end, as often as it is asked for", async () => {
    const { queue } = queueOf();
    queue.push("a");
    queue.end();
    queue.fail(new Error("too late"));
    expect([await queue.next(), await queue.next(), await queue.next()]).toEqual([of("a"), done, done]);
  });

  it("that came before a failure are still read, then the failure", async () => {
    const { queue } = queueOf();
    const error = new Error("lost");
    queue.push("a");
    queue.fail(error);
    queue.end();
    expect(await queue.next()).toEqual(of("a"));
    await expect(queue.next()).rejects.toBe(error);
    await expect(queue.next()).rejects.toBe(error);
  });

  it("that are waited for end with the queue", async () => {
    const ended = queueOf().queue;
    const waiting = ended.next();
    ended.end();
    expect(await waiting).toEqual(done);
    const failed = queueOf().queue;
    const error = new Error("lost");
    const alsoWaiting = failed.next();
    failed.fail(error);
    await expect(alsoWaiting).rejects.toBe(error);
  });
});

describe("a source that is ahead of its reader", () => {
  it("is paused at 64 KiB, and resumed at a quarter of that", async () => {
    const { queue, asked } = queueOf();
    const message = "x".repeat(1_024 - 64);
    for (let i = 0; i < 63; i++) queue.push(message);
    expect(asked).toEqual([]);
    queue.push(message);
    queue.push(message);
    expect(asked).toEqual(["pause"]);
    for (let i = 0; i < 48; i++) await queue.next();
    expect(asked).toEqual(["pause"]);
    await queue.next();
    expect(asked).toEqual(["pause", "resume"]);
  });

  it("is paused for messages without a byte too", () => {
    const { queue, asked } = queueOf();
    for (let i = 0; i < 1_023; i++) queue.push("");
    expect(asked).toEqual([]);
    queue.push("");
    expect(asked).toEqual(["pause"]);
  });

  it("runs on to its end once nobody wants more", () => {
    const { queue, asked } = queueOf();
    queue.push("x".repeat(70_000));
    queue.release();
    queue.push("x".repeat(70_000));
    expect(asked).toEqual(["pause", "resume"]);
  });
});
