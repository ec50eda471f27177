import type { Transport } from "@holdfast/transport";
import type { Fixture } from "../case.ts";
import { authority, certificate } from "../hostile/certificates.ts";
import type { Hostile } from "../hostile/hostile.ts";
import { http1Hostile } from "../hostile/http1.ts";
import { http2Hostile } from "../hostile/http2.ts";
import { muxHostile } from "../hostile/mux.ts";
import { http1Origin } from "../origin/http1.ts";
import { http2Origin } from "../origin/http2.ts";
import { muxOrigin } from "../origin/mux.ts";
import type { Origin } from "../origin/origin.ts";
import { AdapterError, type LoadedAdapter } from "./adapter.ts";
import { messageOf, sentence } from "./sentence.ts";
import { within } from "./within.ts";

/** Where an adapter is tried: a protocol, plain or over TLS. */
export interface Venue {
  readonly name: string;
  readonly fixture: Fixture;
}

interface Offer {
  readonly name: string;
  /** What transports call it. */
  readonly protocol: string;
  readonly origin: (secure: Secure) => Promise<Origin>;
  readonly hostile: (secure: Secure) => Hostile;
}

type Secure = { readonly tls?: { readonly cert: string; readonly key: string } };

const offers: readonly Offer[] = [
  { name: "HTTP/1.1", protocol: "http/1.1", origin: http1Origin, hostile: http1Hostile },
  { name: "HTTP/2", protocol: "h2", origin: http2Origin, hostile: http2Hostile },
  { name: "WebSocket", protocol: "websocket", origin: muxOrigin, hostile: muxHostile },
];

/** Origins of the kit that an adapter reaches; `reasons` says of each other why not. */
export interface Venues {
  readonly venues: readonly Venue[];
  readonly reasons: readonly string[];
  close(): Promise<void>;
}

/**
 * Starts the kit's origins of the adapter's protocol and asks each once.
 *
 * @throws AdapterError if the kit has none
 */
export async function findVenues(adapter: LoadedAdapter, limitMs: number): Promise<Venues> {
  const own = offers.filter(({ protocol }) => protocol === adapter.protocol);
  if (own.length === 0) {
    throw new AdapterError(
      `${adapter.name} speaks ${adapter.protocol}, of which the kit has no origin (it has http/1.1, h2 and websocket): ` +
        "bring yours with --fixture ./test/fixture.js, a module that exports `fixtures`.",
    );
  }
  const ca = authority();
  const tls = certificate({ ip: ["127.0.0.1"] }, ca);
  const venues: Venue[] = [];
  const reasons: string[] = [];
  for (const { name, origin: start, hostile } of own) {
    for (const secure of [{}, { tls }] as const) {
      const title = "tls" in secure ? `${name} over TLS` : name;
      const origin = await start(secure);
      const fixture: Fixture = {
        origin,
        hostile: hostile(secure),
        traits: { sockets: true },
        createTransport: creator(adapter, "tls" in secure ? ca.cert : undefined),
      };
      const why = await unreachable(adapter, fixture, limitMs);
      if (why === undefined) venues.push({ name: title, fixture });
      else {
        reasons.push(`${title}: ${sentence(why)}`);
        await origin.close();
      }
    }
  }
  return {
    venues,
    reasons,
    close: async () => {
      await Promise.all(venues.map(({ fixture }) => fixture.origin.close()));
    },
  };
}

/** The options of a case by the names of the contract. */
function creator({ create, capabilities }: LoadedAdapter, ca: string | undefined): Fixture["createTransport"] {
  return ({ maxConcurrent, ...options } = {}) =>
    create({
      ...options,
      ...(ca !== undefined && { tls: { ca } }),
      ...(maxConcurrent !== undefined &&
        (capabilities.multiplexed
          ? { maxConnections: 1, maxStreams: maxConcurrent }
          : { maxConnections: maxConcurrent })),
    });
}

/** Why an origin cannot be asked; undefined if it can. */
async function unreachable(
  { capabilities }: LoadedAdapter,
  fixture: Fixture,
  limitMs: number,
): Promise<string | undefined> {
  const late = (): Error => new Error(`it was not answered within ${limitMs} ms`);
  let transport: Transport | undefined;
  try {
    transport = await fixture.createTransport();
    await within(probe(transport, capabilities.exchange, fixture.origin.url), limitMs, late);
    return undefined;
  } catch (error) {
    return messageOf(error);
  } finally {
    transport?.destroy().catch(() => {});
  }
}

async function probe(transport: Transport, exchanges: boolean, url: string): Promise<void> {
  if (exchanges) {
    const { body, status } = await transport.request({ url: `${url}/bytes/1` });
    const { byteLength } = await body.bytes();
    if (status !== 200 || byteLength !== 1) throw new Error(`it got status ${status} and ${byteLength} bytes`);
  } else {
    const channel = await transport.open({ url: `${url}/channel/echo` });
    await channel.close();
  }
}
