import { answerOver, exchangeOver, type PipeListener, pipeOf } from "@holdfast/exchange";
import type { Channel, ChannelClosed, ConnectionInfo, Message } from "@holdfast/transport";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { failure, outcome, url } from "./ends.ts";
import { until } from "./mux-peer.ts";

/** A channel of a third party's own, as slow as one wants: two of them, each the far end of the other. */
class FakeChannel implements Channel {
  readonly subprotocol = "holdfast.mux.v1";
  readonly connection: ConnectionInfo = { id: "x-1", protocol: "x", origin: "x:", reused: false, exchangeIndex: 0 };
  readonly #end: PromiseWithResolvers<ChannelClosed> = Promise.withResolvers();
  readonly closed: Promise<ChannelClosed> = this.#end.promise;
  readonly #messages: Message[] = [];
  declare far: FakeChannel;
  readonly calls: string[] = [];
  /** Sent to, and without room for more. */
  full = false;
  /** Why it takes no message, while it lives on. */
  refusal: Error | undefined;
  #over: { readonly error: Error | undefined } | undefined;
  #wake: () => void = () => {};

  async send(message: Message): Promise<void> {
    if (this.#over !== undefined) throw new Error("the channel is closed");
    if (this.refusal !== undefined) throw this.refusal;
    if (this.full) throw new Error("there was no room");
    this.full = true;
    // Another buffer, as one that was on a wire would be.
    this.far.#messages.push(typeof message === "string" ? message : new Uint8Array(message));
    this.far.#wake();
    await new Promise((resolve) => setImmediate(resolve));
    this.full = false;
  }

  async close(code = 1000, reason = ""): Promise<void> {
    this.calls.push(`close ${code}`);
    for (const one of [this.far, this]) one.finish({ code, reason, clean: true }, undefined);
    await this.closed;
  }

  destroy(reason?: unknown): void {
    this.calls.push("destroy");
    const error = reason instanceof Error ? reason : new Error("the channel was destroyed");
    for (const one of [this.far, this]) one.finish({ code: 1006, reason: "", clean: false }, error);
  }

  finish(how: ChannelClosed, error: Error | undefined): void {
    if (this.#over !== undefined) return;
    this.#over = { error };
    this.#end.resolve(how);
    this.#wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Message, undefined> {
    for (;;) {
      const message = this.#messages.shift();
      if (message !== undefined) yield message;
      else if (this.#over !== undefined) {
        if (this.#over.error !== undefined) throw this.#over.error;
        return undefined;
      } else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

function channels(): readonly [FakeChannel, FakeChannel] {
  const near = new FakeChannel();
  const far = new FakeChannel();
  near.far = far;
  far.far = near;
  return [near, far];
}

describe("a channel of anybody's", () => {
  it("carries exchanges, both ends", async () => {
    const [near, far] = channels();
    const answers = answerOver(far, async ({ method, body }) => ({ body: `${method} ${await body.text()}` }));
    const transport = exchangeOver(async () => near, { protocol: "x" });
    const asked = [1, 2, 3].map((i) => outcome(transport, { method: "POST", body: "a".repeat(i * 100_000) }));
    await Promise.all(asked.map(({ done }) => done));
    expect(asked.map(({ text }) => text?.length)).toEqual([100_005, 200_005, 300_005]);
    await transport.close();
    await answers.closed;
    expect(near.calls).toEqual(["close 1000"]);
  });

  it("is given a message when it has room for it, and its goodbye behind all of them", async () => {
    const [near, far] = channels();
    const pipe = pipeOf(near);
    const sent = [1, 2, 3].map((byte) => new Promise<void>((resolve) => pipe.send(new Uint8Array([byte]), resolve)));
    pipe.close(1000, "");
    const seen: Message[] = [];
    for await (const message of far) seen.push(message);
    expect(seen).toEqual([1, 2, 3].map((byte) => new Uint8Array([byte])));
    await Promise.all(sent);
  });

  it.each(["asks", "answers"])("that takes a message no more, and lives on, ends under who $0", async (who) => {
    const [near, far] = channels();
    const answers = answerOver(far, () => ({ body: "x".repeat(1_000_000) }));
    const transport = exchangeOver(() => near);
    const { status, body } = await transport.request({ url, method: "POST", body: "x" });
    expect(status).toBe(200);
    const refusing = who === "asks" ? near : far;
    refusing.refusal = new Error("it is over my limit");
    const error = await failure(body.bytes());
    expect(error).toMatchObject({ code: "TRUNCATED", cause: { message: "it is over my limit" } });
    expect(refusing.calls).toContain("destroy");
    await answers.closed;
    await transport.close();
  });

  it.each(["answers no goodbye", "takes nothing more"])("that %s is not waited for", async (what) => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    onTestFinished(() => void vi.useRealTimers());
    const [near, far] = channels();
    const pipe = pipeOf(near);
    const { promise: over, resolve } = Promise.withResolvers<Error | undefined>();
    pipe.start({ message: () => {}, closed: resolve });
    if (what === "answers no goodbye") near.close = () => new Promise(() => {});
    else near.send = () => new Promise(() => {});
    pipe.send(new Uint8Array(1), () => {});
    pipe.close(1000, "");
    await vi.advanceTimersByTimeAsync(60_000);
    expect((await over)?.message).toContain("did not end within");
    expect(near.calls).toEqual(["destroy"]);
    expect(vi.getTimerCount()).toBe(0);
    expect(await far.closed).toMatchObject({ clean: false });
  });

  it("that breaks loses what is in flight", async () => {
    const [near, far] = channels();
    const answers = answerOver(far, () => new Promise(() => {}));
    const transport = exchangeOver(() => near);
    const lost = failure(transport.request({ url, method: "POST", body: "x" }));
    await until("it is asked", () => answers.openStreams === 1);
    near.destroy(new Error("the cable"));
    expect(await lost).toMatchObject({ code: "CONNECTION_LOST", cause: { message: "the cable" } });
    await answers.closed;
    await transport.close();
  });

  it("gives a message that is text to the listener as text", async () => {
    const [near, far] = channels();
    const seen: (Uint8Array | string)[] = [];
    const { promise: over, resolve } = Promise.withResolvers<Error | undefined>();
    const listener: PipeListener = { message: (message) => void seen.push(message), closed: resolve };
    pipeOf(near).start(listener);
    await far.send("text");
    await far.close(4_000, "because");
    expect((await over)?.message).toBe("the channel was closed with 4000 because");
    expect(seen).toEqual(["text"]);
  });

  it("tells of a message that could not be sent as of one that has left: its end follows", async () => {
    const [near] = channels();
    near.destroy();
    await new Promise<void>((resolve) => pipeOf(near).send(new Uint8Array(1), resolve));
  });
});
