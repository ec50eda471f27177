import type { ClientHttp2Session, SecureClientSessionOptions } from "node:http2";
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { Agent } from "http2-wrapper";

/** What is spoken to, as the session will name it. */
export interface SessionTarget {
  /** Without the brackets of an IPv6 literal. */
  readonly hostname: string;
  readonly port: number;
}

/**
 * Makes a session of a connected socket and settles when the peer's SETTINGS are there. Destroying the socket rejects it.
 * The only place that knows http2-wrapper; a factory over `node:http2.connect` could stand here instead.
 */
export type SessionFactory = (
  socket: Socket,
  target: SessionTarget,
  options: SecureClientSessionOptions,
) => Promise<ClientHttp2Session>;

/** What one call passes through the Agent to the hooks below. */
interface SlotOptions extends SecureClientSessionOptions {
  readonly slot: string;
  readonly dialled: Socket;
}

/**
 * http2-wrapper's pool, with a pool key of its own for each connection: it never shares, coalesces or overloads a session,
 * because each key has one. Placement, limits and the life of sessions are ours.
 */
class SlotAgent extends Agent {
  override normalizeOptions(options?: object): string {
    return (options as SlotOptions).slot;
  }

  // Its type wants TLS; for h2c the socket is a plain one, which the Agent does not mind.
  override createConnection(_: URL, options: object): Promise<TLSSocket> {
    return Promise.resolve((options as SlotOptions).dialled as TLSSocket);
  }
}

let lastSlot = 0;

/** On a dialled socket: who waits for its session. */
const accept = Symbol("accept");

type Accept = (session: ClientHttp2Session) => void;

export function sessionFactory(): SessionFactory {
  const agent = new SlotAgent({ timeout: 0, maxEmptySessions: Infinity, maxCachedTlsSessions: 1 });
  // A session whose peer allows no stream yet is told of, but not handed out: the Agent tries to make another for its key.
  agent.on("session", (session) => {
    // The Agent counts streams by a `request` of its own, and holds the process for those alone; both are ours to do.
    Reflect.deleteProperty(session, "request");
    (session.socket as Socket & { readonly [accept]?: Accept })[accept]?.(session);
  });
  return (socket, target, options) => {
    const host = target.hostname.includes(":") ? `[${target.hostname}]` : target.hostname;
    // The Agent would take the first before its own hook, and refuse the second.
    const ours = { createConnection: undefined, servername: undefined, slot: String(++lastSlot), dialled: socket };
    const slot: SlotOptions = { ...options, ...ours };
    return new Promise((resolve, reject) => {
      shadow(socket, host, target.port, resolve);
      agent.getSession(`https://${host}:${target.port}`, slot).catch(reject);
    });
  };
}

/**
 * The Agent compares what the socket says of its peer with the origin that was asked for. TLS has checked the peer's
 * identity already, so the socket says here what was asked: that is true also for h2c, unix sockets, proxies and IP literals,
 * which the Agent's own check refuses.
 */
function shadow(socket: Socket, host: string, port: number, accepted: Accept): void {
  Object.defineProperties(socket, {
    [accept]: { value: accepted },
    getPeerX509Certificate: { value: () => undefined, configurable: true },
    servername: { value: host, writable: true, configurable: true },
    remotePort: { value: port, configurable: true },
  });
}
