import type { Control } from "./control.ts";

/** A channel as the kit's application sees it, whatever carried it. */
export interface OriginChannel {
  /** Ends with the channel, however it ends. The client is made to wait for whoever does not read. */
  readonly messages: AsyncIterable<string | Uint8Array>;
  /** Resolves with what the client closed with, 1006 if it did not. */
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;
  /** Resolves when there is room for the next message. */
  send(message: string | Uint8Array): Promise<void>;
  close(code: number, reason: string): void;
  /** Ends it without a goodbye. */
  destroy(): void;
}

export type ChannelAnswer = (channel: OriginChannel, control: Control) => Promise<void>;

/**
 * The application of channels, for every protocol that has some. `?id=` names a channel to {@link Control}: its arrival, its
 * departure, the bytes that were sent; and the gate that it waits at.
 *
 * | path | does |
 * | --- | --- |
 * | `/channel/echo` | sends back each message as it came |
 * | `/channel/flood?count=9&bytes=9` | sends so many messages of so many bytes, each numbered by its first four, then closes with 1000 |
 * | `/channel/close?code=4000&reason=enough` | closes so when the first message comes |
 * | `/channel/deaf` | reads nothing until the gate opens, then sends how many bytes came for each message |
 * | `/channel/silent` | says nothing, reads everything |
 * | `/channel/drop` | ends without a goodbye when the first message comes |
 */
export function channelApplication(control: Control): (url: URL) => ChannelAnswer | undefined {
  return (url) => {
    const [, area, name = ""] = url.pathname.split("/");
    const answer = area === "channel" && Object.hasOwn(answers, name) ? answers[name] : undefined;
    const id = url.searchParams.get("id");
    return answer === undefined
      ? undefined
      : async (channel) => {
          control.noteArrival(id);
          void channel.closed.then(({ code, reason }) => {
            if (id !== null) control.noteClosed(id, code, reason);
            control.noteDeparture(id);
            control.noteEnd();
          });
          await answer(channel, url.searchParams, control);
        };
  };
}

type Answer = (channel: OriginChannel, query: URLSearchParams, control: Control) => Promise<void>;

const answers: Readonly<Record<string, Answer>> = {
  echo: async ({ messages, send }) => {
    for await (const message of messages) await send(message);
  },
  flood: async ({ send, close }, query, control) => {
    const bytes = Number(query.get("bytes"));
    for (let i = 0; i < Number(query.get("count")); i++) {
      const message = Buffer.alloc(bytes);
      message.writeUInt32BE(i);
      control.noteSent(query.get("id"), bytes);
      await send(message);
    }
    close(1_000, "");
  },
  close: async ({ messages, close }, query) => {
    for await (const _ of messages) close(Number(query.get("code")), query.get("reason") ?? "");
  },
  deaf: async ({ messages, send, closed }, query, control) => {
    const left = new AbortController();
    void closed.then(() => left.abort());
    await control.gate(query.get("id") ?? "", left.signal).catch(() => {});
    for await (const message of messages) await send(String(message.length));
  },
  silent: async ({ messages }) => {
    for await (const _ of messages);
  },
  drop: async ({ messages, destroy }) => {
    for await (const _ of messages) destroy();
  },
};
