import { allCases, type Case, type Fixture, muxOrigin, type Origin, runCases } from "@holdfast/conformance";
import type { Channel, ChannelRequest, Message, Transport } from "@holdfast/transport";
import { wrap } from "@holdfast/transport";
import { websocket } from "@holdfast/websocket";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

interface Defect {
  /** The cases that must notice it, each `channel/` and this. */
  readonly notices: readonly string[];
  readonly breaks: (next: Transport) => Partial<Transport>;
}

/** A channel with other members; spreading would lose what a prototype holds. */
function altered(channel: Channel, members: Partial<Channel>): Channel {
  const forwarded: Partial<Channel> = {
    send: (message) => channel.send(message),
    close: (code, reason) => channel.close(code, reason),
    destroy: (reason) => channel.destroy(reason),
    [Symbol.asyncIterator]: () => channel[Symbol.asyncIterator](),
    [Symbol.asyncDispose]: () => channel[Symbol.asyncDispose](),
  };
  const { subprotocol, connection, closed } = channel;
  return { subprotocol, connection, closed, ...forwarded, ...members } as Channel;
}

/** Opens channels that are broken so. */
function channels(break_: (channel: Channel) => Partial<Channel>): Defect["breaks"] {
  return (next) => ({
    open: async (request) => {
      const channel = await next.open(request);
      return altered(channel, break_(channel));
    },
  });
}

async function everything(channel: Channel): Promise<readonly Message[]> {
  const read: Message[] = [];
  for await (const message of channel) read.push(message);
  return read;
}

async function* later(read: Promise<readonly Message[]>): AsyncGenerator<Message, undefined> {
  yield* await read;
}

async function* quietly(channel: Channel): AsyncGenerator<Message, undefined> {
  try {
    for await (const message of channel) yield message;
  } catch {}
}

async function* asBytes(channel: Channel): AsyncGenerator<Message, undefined> {
  for await (const message of channel) yield Buffer.from(message as string);
}

const none = { connecting: 0, active: 0, idle: 0, draining: 0 };
const nothing = (): Promise<void> => Promise.resolve();
/** What was wrapped, to be ended by the test where the defect does not. */
const sound: Transport[] = [];

const defects: Readonly<Record<string, Defect>> = {
  "makes bytes of text": {
    notices: ["echo", "many", "aborted-after"],
    breaks: channels((channel) => ({ [Symbol.asyncIterator]: () => asBytes(channel) })),
  },
  "gives one channel to all": {
    notices: ["many"],
    breaks: (next) => {
      let only: Promise<Channel> | undefined;
      return { open: (request) => (only ??= next.open(request)) };
    },
  },
  "does not count its channels": {
    notices: ["connection"],
    breaks: (next) => ({ stats: () => ({ ...next.stats(), connections: none }) }),
  },
  "offers no sub-protocol": {
    notices: ["subprotocol"],
    breaks: (next) => ({ open: ({ url }) => next.open({ url }) }),
  },
  "offers a sub-protocol of its own": {
    notices: ["no-subprotocol"],
    breaks: (next) => ({ open: (request) => next.open({ ...request, subprotocols: ["kit.mine"] }) }),
  },
  "takes whatever it is given": {
    notices: ["send-waits"],
    breaks: channels((channel) => ({
      send: (message) => {
        channel.send(message).catch(() => {});
        return nothing();
      },
    })),
  },
  "reads ahead without a bound": {
    notices: ["receive-waits"],
    breaks: channels((channel) => {
      const read = everything(channel);
      return { [Symbol.asyncIterator]: () => later(read) };
    }),
  },
  "says a code of its own": {
    notices: ["close", "close-default", "dispose"],
    breaks: channels((channel) => ({
      close: () => channel.close(4_500, "mine"),
      [Symbol.asyncDispose]: () => channel.close(4_500, "mine"),
    })),
  },
  "forgets what the origin said": {
    notices: ["closed-by-origin-1000", "closed-by-origin-1011", "closed-by-origin-4999", "lost"],
    breaks: channels((channel) => ({ closed: channel.closed.then(() => ({ code: 1_005, reason: "", clean: true })) })),
  },
  "hides that a connection was lost": {
    notices: ["lost"],
    breaks: channels((channel) => ({ [Symbol.asyncIterator]: () => quietly(channel) })),
  },
  "does not end what is destroyed": {
    notices: ["destroy"],
    breaks: channels(() => ({ destroy: () => {} })),
  },
  "leaves its channels open": {
    notices: ["transport-close", "transport-destroy"],
    breaks: () => ({ close: nothing, destroy: nothing, [Symbol.asyncDispose]: nothing }),
  },
  "opens another channel where one cannot be": {
    notices: [
      "refused",
      "aborted-before",
      "aborted-opening",
      "closed-transport",
      "bad-relative-url",
      "bad-header",
      "bad-subprotocol",
    ],
    breaks: (next) => ({
      open: (request: ChannelRequest) =>
        next.open(request).catch(() => {
          const second = websocket();
          sound.push(second);
          return second.open({ url: `${origin.url}/channel/echo` });
        }),
    }),
  },
  "lets a signal end what is open": {
    notices: ["aborted-after"],
    breaks: (next) => ({
      open: async (request) => {
        const channel = await next.open(request);
        request.signal?.addEventListener("abort", () => channel.destroy());
        return channel;
      },
    }),
  },
};

let origin: Origin;

beforeAll(async () => {
  origin = await muxOrigin();
});
afterAll(async () => {
  await Promise.all(sound.map((transport) => transport.destroy()));
  await origin.close();
});

function fixtureOf({ breaks }: Defect): Fixture {
  return {
    origin,
    traits: { sockets: true },
    createTransport: () => {
      const next = websocket();
      sound.push(next);
      return wrap(next, breaks(next));
    },
  };
}

const watched = allCases.filter(({ id }) => id.startsWith("channel/"));
const noticedBy = ({ notices }: Defect): Case[] => watched.filter(({ id }) => notices.includes(id.slice(8)));

describe("the suite notices a transport that", () => {
  it.each(Object.entries(defects))("%s", { timeout: 60_000 }, async (_, defect) => {
    const results = await runCases(noticedBy(defect), fixtureOf(defect), { maxCaseMs: 2_000 });
    expect(results).toHaveLength(defect.notices.length);
    expect(results.filter(({ status }) => status !== "failed").map(({ id }) => id)).toEqual([]);
  });
});

describe("every case of channels", () => {
  it("is failed by a transport that is broken on purpose", () => {
    const noticed = new Set(Object.values(defects).flatMap(noticedBy));
    expect(watched.filter((one) => !noticed.has(one)).map(({ id }) => id)).toEqual([]);
  });
});
