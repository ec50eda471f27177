import {
  Arrivals,
  type Fault,
  type Hostile,
  type HostileConnection,
  type HostileExchange,
  hostileOrigin,
  type HostileTls,
  inexpressible,
  type RawPeer,
  rawServer,
} from "@holdfast/conformance/hostile";
import type { Fields } from "@holdfast/transport";
import { type ClientLine, encode, type Pairs, type RequestHead, type ServerLine } from "../src/line.ts";

const protocol = "jsonl";
const pieceBytes = 49_152;

/** What a server of this protocol can do wrong. Cases that need another fault do not apply, and the report says so. */
const faults: ReadonlySet<Fault> = new Set<Fault>([
  "cut",
  "half-head",
  "open-body",
  "end-mark",
  "trailers",
  "refuse",
  "last",
  "violation",
]);

/** Origins that do nothing but what a case tells them. */
export function jsonlHostile({ tls }: HostileTls): Hostile {
  return {
    protocol,
    faults,
    listen: async ({ maxExchanges, creditBytes } = {}) => {
      if (maxExchanges !== undefined) inexpressible(protocol, "limit");
      if (creditBytes !== undefined) inexpressible(protocol, "credit");
      const arrivals = new Arrivals();
      const connections: HostileConnection[] = [];
      const server = await rawServer(
        async (peer) => {
          const connection = connectionOf(peer);
          connections.push(connection);
          for (;;) await arrive(peer, connection, arrivals);
        },
        tls === undefined ? {} : { tls: { ...tls, ALPNProtocols: [protocol] } },
      );
      return hostileOrigin(server, arrivals, connections);
    },
  };
}

interface Counted extends HostileConnection {
  open: number;
  maxOpen: number;
}

function connectionOf(peer: RawPeer): Counted {
  return {
    open: 0,
    maxOpen: 0,
    closed: peer.closed,
    fin: () => peer.fin(),
    rst: () => peer.reset(),
    goodbye: refusesTo("goodbye"),
    limit: refusesTo("limit"),
    violate: () => peer.write("this is no JSON\n"),
  };
}

/** One request, from its head until its answer has ended. */
async function arrive(peer: RawPeer, connection: Counted, arrivals: Arrivals): Promise<void> {
  const { method, path } = await next<RequestHead>(peer);
  const answered = Promise.withResolvers<void>();
  connection.open = connection.maxOpen = 1;
  const exchange = exchangeOf(peer, { method, path, connection }, () => {
    connection.open = 0;
    answered.resolve();
  });
  arrivals.add(exchange);
  await answered.promise;
  // What is left of it stands before the next head.
  await exchange.body();
}

function exchangeOf(
  peer: RawPeer,
  facts: Pick<HostileExchange, "method" | "path" | "connection">,
  onAnswered: () => void,
): HostileExchange {
  const send = (line: ServerLine): Promise<void> => peer.write(Buffer.from(encode(line)));
  let last = false;
  let receivedBytes = 0;
  const received = bodyOf(peer, (bytes) => (receivedBytes += bytes));
  // The case need not wait for it.
  received.catch(() => {});
  const exchange: HostileExchange = {
    ...facts,
    get receivedBytes() {
      return receivedBytes;
    },
    takesPush: false,
    abandoned: peer.closed,
    body: () => received,
    head: (options = {}) => {
      last = options.last ?? false;
      const fields: Pairs = options.length === undefined ? [] : [["content-length", String(options.length)]];
      return send({ status: 200, fields, last });
    },
    send: async (bytes) => {
      const data = Buffer.from(bytes);
      for (let at = 0; at < data.byteLength; at += pieceBytes) {
        await send({ data: data.toString("base64", at, at + pieceBytes) });
      }
      return data.byteLength;
    },
    finish: async (trailers: Fields = {}) => {
      await send({ end: Object.entries(trailers).map(([name, value]) => [name, String(value)]) });
      onAnswered();
      if (last) peer.fin();
    },
    respond: async (body = "ok") => {
      await exchange.head();
      await exchange.send(body);
      await exchange.finish();
    },
    halfHead: () => peer.write(`{"status":200,"fie`),
    refuse: async () => {
      await send({ refused: true });
      onAnswered();
    },
    reset: refusesTo("reset"),
    giveCredit: refusesTo("credit"),
    push: refusesTo("push"),
  };
  return exchange;
}

async function bodyOf(peer: RawPeer, onPiece: (bytes: number) => void): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for (;;) {
    const line = await next(peer);
    if (!("data" in line)) return Buffer.concat(pieces);
    const piece = Buffer.from(line.data, "base64");
    pieces.push(piece);
    onPiece(piece.byteLength);
  }
}

async function next<L extends ClientLine = ClientLine>(peer: RawPeer): Promise<L> {
  return JSON.parse(await peer.until("\n")) as L;
}

function refusesTo(fault: Fault): () => never {
  return () => inexpressible(protocol, fault);
}
