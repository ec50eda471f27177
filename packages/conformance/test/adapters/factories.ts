/** Adapters as strangers write them, over node's own fetch; each keeps too few of the rules, in its own way. */
import { type Capabilities, type Transport, TransportError } from "@holdfast/transport";

const capabilities: Capabilities = {
  exchange: true,
  channel: false,
  multiplexed: false,
  duplex: false,
  requestTrailers: false,
  responseTrailers: false,
  informational: false,
  push: false,
};

function unsupported(): Promise<never> {
  const facts = { delivery: "not-sent", phase: "channel", protocol: "http/1.1", origin: "" } as const;
  return Promise.reject(new TransportError("UNSUPPORTED", "there are no channels", facts));
}

const none = { connecting: 0, active: 0, idle: 0, draining: 0 };

function adapter(claims: Partial<Capabilities> = {}, members: Partial<Transport> = {}): Transport {
  const has = { ...capabilities, ...claims };
  const nothing = (): Promise<void> => Promise.resolve();
  return {
    "~holdfast": { version: 1, vendor: "a-stranger", protocol: "http/1.1", capabilities: has },
    protocol: "http/1.1",
    capabilities: has,
    request: async ({ url, method = "GET" }) => {
      const response = await fetch(url, { method, headers: { connection: "close" } });
      const body = await response.bytes();
      return {
        status: response.status,
        headers: Object.fromEntries(response.headers),
        body: { bytes: () => Promise.resolve(body) },
      } as never;
    },
    open: unsupported,
    warm: nothing,
    stats: () => ({
      connections: none,
      exchanges: { queued: 0, inFlight: 0 },
      totals: {} as never,
      origins: {},
    }),
    close: nothing,
    destroy: nothing,
    [Symbol.asyncDispose]: nothing,
    ...members,
  };
}

export const poor = (): Transport => adapter();
export const claimsChannels = (): Transport => adapter({ channel: true });
export const hangsInClose = (): Transport => adapter({}, { close: () => new Promise(() => {}) });
export const failing = (): Transport => {
  throw new Error("it needs a licence");
};
export const noTransport = (): object => ({ request: () => {} });
export const version2 = (): object => ({ ...adapter(), "~holdfast": { version: 2, vendor: "a-stranger" } });
export const unreachable = (): Transport => adapter({}, { request: unsupported });
export const speaksWire = (): Transport => adapter({}, { protocol: "wire" });
export class NoFactory {}
export const promises = (): Promise<Transport> => Promise.resolve(adapter());
/** Answers the first question, by which the kit finds out whether it can be asked at all. */
export const exitsMidway = (): Transport => {
  const next = adapter();
  let asked = 0;
  return { ...next, request: (request) => (asked++ > 0 ? process.exit(0) : next.request(request)) };
};
export const claimsPush = (): Transport => adapter({ push: true });
