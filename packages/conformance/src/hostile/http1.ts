import type { Fields } from "@holdfast/transport";
import { Arrivals, hostileOrigin } from "./arrivals.ts";
import { type Fault, inexpressible, unknownBreach } from "./fault.ts";
import type { Hostile, HostileConnection, HostileExchange, HostileOptions, HostileOrigin } from "./hostile.ts";
import { http1Breaches } from "./http1-breaches.ts";
import type { HostileTls } from "./hostile-tls.ts";
import { InFlight } from "./in-flight.ts";
import type { RawPeer, RawRequest } from "./raw-peer.ts";
import { rawServer } from "./raw-server.ts";

/** One exchange after another: there is no word in HTTP/1.1 that concerns one exchange and not its connection. */
const faults: ReadonlySet<Fault> = new Set<Fault>(["cut", "half-head", "open-body", "trailers", "last", "violation"]);
const protocol = "http/1.1";

/** Hostile origins of HTTP/1.1, byte for byte; over TLS where there is `tls`. */
export function http1Hostile({ tls }: HostileTls = {}): Hostile {
  return { protocol, faults, listen: (options) => listen(options, tls) };
}

async function listen(
  { maxExchanges, creditBytes }: HostileOptions = {},
  tls?: HostileTls["tls"],
): Promise<HostileOrigin> {
  if (maxExchanges !== undefined) inexpressible(protocol, "limit");
  if (creditBytes !== undefined) inexpressible(protocol, "credit");
  const arrivals = new Arrivals();
  const connections: HostileConnection[] = [];
  const server = await rawServer(
    async (peer) => {
      const inFlight = new InFlight();
      const connection = connectionOf(peer, inFlight);
      connections.push(connection);
      for (;;) {
        const head = await peer.head();
        const ended = Promise.withResolvers<void>();
        const over = inFlight.begin();
        const exchange = exchangeOf(peer, head, connection, () => {
          over();
          ended.resolve();
        });
        arrivals.add(exchange);
        await ended.promise;
        // What is left of it stands before the next head.
        await exchange.body();
      }
    },
    tls === undefined ? {} : { tls },
  );
  return hostileOrigin(server, arrivals, connections, http1Breaches);
}

function connectionOf(peer: RawPeer, inFlight: InFlight): HostileConnection {
  return {
    get open() {
      return inFlight.open;
    },
    get maxOpen() {
      return inFlight.maxOpen;
    },
    closed: peer.closed,
    fin: () => peer.fin(),
    rst: () => peer.reset(),
    goodbye: () => inexpressible(protocol, "goodbye"),
    limit: () => inexpressible(protocol, "limit"),
    violate: (breach) => peer.write(http1Breaches[breach ?? "no HTTP"] ?? unknownBreach(breach)),
  };
}

function exchangeOf(
  peer: RawPeer,
  { method, path, headers }: Omit<RawRequest, "body">,
  connection: HostileConnection,
  over: () => void,
): HostileExchange {
  let chunked = false;
  let last = false;
  let received: Promise<Buffer> | undefined;
  let receivedBytes = 0;
  const end = (): void => {
    over();
    if (last) peer.fin();
  };
  const refusesTo = (fault: Fault) => (): never => inexpressible(protocol, fault);
  const exchange: HostileExchange = {
    method,
    path,
    connection,
    get receivedBytes() {
      return receivedBytes;
    },
    abandoned: peer.closed,
    takesPush: false,
    body: () =>
      (received ??= peer.body({ headers }).then((bytes) => {
        receivedBytes = bytes.byteLength;
        return bytes;
      })),
    head: ({ length, last: isLast = false } = {}) => {
      chunked = length === undefined;
      last = isLast;
      const framing = length === undefined ? "transfer-encoding: chunked" : `content-length: ${length}`;
      return peer.write(`HTTP/1.1 200 OK\r\n${framing}\r\n${last ? "connection: close\r\n" : ""}\r\n`);
    },
    send: async (bytes) => {
      const sent = Buffer.from(bytes);
      await peer.write(
        chunked ? Buffer.concat([Buffer.from(`${sent.byteLength.toString(16)}\r\n`), sent, crlf]) : sent,
      );
      return sent.byteLength;
    },
    finish: async (trailers = {}) => {
      if (chunked) await peer.write(`0\r\n${linesOf(trailers)}\r\n`);
      end();
    },
    respond: async (body = "ok") => {
      const bytes = Buffer.from(body);
      await exchange.head({ length: bytes.byteLength });
      await peer.write(bytes);
      end();
    },
    halfHead: () => peer.write("HTTP/1.1 200 OK\r\ncontent-le"),
    reset: refusesTo("reset"),
    refuse: refusesTo("refuse"),
    giveCredit: refusesTo("credit"),
    push: refusesTo("push"),
  };
  return exchange;
}

const crlf = Buffer.from("\r\n");

function linesOf(fields: Fields): string {
  return Object.entries(fields)
    .flatMap(([name, value]) => [value].flat().map((one) => `${name}: ${one}\r\n`))
    .join("");
}
