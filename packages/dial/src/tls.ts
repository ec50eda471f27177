import { X509Certificate } from "node:crypto";
import { isIP, isIPv6, type Socket } from "node:net";
import {
  checkServerIdentity,
  connect,
  createSecureContext,
  type ConnectionOptions,
  type PeerCertificate,
  type SecureContext,
  type TLSSocket,
} from "node:tls";
import type { TlsInfo } from "@holdfast/transport";
import { ignoreLateErrors } from "./late-errors.ts";
import type { TlsOptions } from "./options.ts";

/** {@link TlsOptions}, checked: one context for all connections, and what is decided for each. */
export interface TlsSettings {
  /** Made at the first call unless options were given: a transport may never speak TLS. */
  readonly context: () => SecureContext;
  /** For a proxy: whom to trust is shared, who we are and which name to expect is not. Proxies are always verified. */
  readonly proxyContext: () => SecureContext;
  readonly peer: Pick<ConnectionOptions, "checkServerIdentity" | "rejectUnauthorized" | "servername">;
}

/** Who the peer should be. */
export interface Identity {
  readonly hostname: string;
  readonly context: SecureContext;
  readonly peer: TlsSettings["peer"];
  readonly alpn: readonly string[];
  readonly ticket: Buffer | undefined;
}

const trust = [
  "allowPartialTrustChain",
  "ca",
  "ciphers",
  "crl",
  "ecdhCurve",
  "maxVersion",
  "minVersion",
  "sigalgs",
] as const;
const own = ["cert", "key", "passphrase", "pfx", "secureContext"] as const;
const peer = ["checkServerIdentity", "rejectUnauthorized", "servername"] as const;
const known: ReadonlySet<string> = new Set([...trust, ...own, ...peer]);

/** @throws TypeError that names the option; what node itself finds wrong with a key or certificate is the cause. */
export function parseTls(options: TlsOptions): TlsSettings {
  if (typeof options !== "object" || options === null) throw new TypeError("tls is not an object");
  for (const name of Object.keys(options)) {
    if (!known.has(name)) throw new TypeError(`tls.${name} is unknown; there are ${[...known].toSorted().join(", ")}`);
  }
  const { checkServerIdentity, rejectUnauthorized, servername, secureContext } = options;
  if (checkServerIdentity !== undefined && typeof checkServerIdentity !== "function") {
    throw new TypeError("tls.checkServerIdentity is not a function");
  }
  if (rejectUnauthorized !== undefined && typeof rejectUnauthorized !== "boolean")
    throw new TypeError("tls.rejectUnauthorized is not a boolean");
  if (servername !== undefined && (typeof servername !== "string" || isIP(servername) !== 0)) {
    throw new TypeError("tls.servername is not a host name (an IP address cannot be one: RFC 6066, 3)");
  }
  const context = once(() => secureContext ?? createContext(pick(options, [...trust, ...own])));
  if (Object.keys(options).length > 0) context();
  return Object.freeze({
    context,
    proxyContext: once(() => createContext(pick(options, trust))),
    peer: Object.freeze({
      ...pick(options, ["checkServerIdentity", "servername"]),
      // Said outright, so that NODE_TLS_REJECT_UNAUTHORIZED in the environment cannot lower it.
      rejectUnauthorized: rejectUnauthorized !== false,
    }),
  });
}

/** Starts TLS over a connected socket, which it owns from now on: destroying the result destroys both. */
export function startTls(socket: Socket, { hostname, context, peer, alpn, ticket }: Identity): TLSSocket {
  return ignoreLateErrors(
    connect({
      ...(isIPv6(hostname) ? { checkServerIdentity: checkAddress } : {}),
      ...peer,
      socket,
      secureContext: context,
      // The name that the certificate is checked against where `servername` is empty: an IP literal is never sent as SNI.
      host: hostname,
      servername: peer.servername ?? (isIP(hostname) === 0 ? hostname.replace(/\.$/, "") : ""),
      ...(alpn.length > 0 ? { ALPNProtocols: [...alpn] } : {}),
      ...(ticket === undefined ? {} : { session: ticket }),
    }),
  );
}

/**
 * Node 22 compares no certificate with an IPv6 address: it takes the address for a name first. Its certificate class does.
 * What does not match is told in the words of `tls.checkServerIdentity`, which refuses it on every version.
 */
function checkAddress(address: string, certificate: PeerCertificate): Error | undefined {
  if (new X509Certificate(certificate.raw).checkIP(address) !== undefined) return undefined;
  return checkServerIdentity(address, certificate);
}

/** What the handshake agreed on. */
export function tlsInfo(socket: TLSSocket): TlsInfo {
  return {
    version: socket.getProtocol() ?? "",
    cipher: socket.getCipher().standardName,
    alpn: socket.alpnProtocol === false || socket.alpnProtocol === null ? "" : socket.alpnProtocol,
    resumed: socket.isSessionReused(),
  };
}

function createContext(options: Parameters<typeof createSecureContext>[0]): SecureContext {
  try {
    return createSecureContext(options);
  } catch (cause) {
    throw new TypeError(`tls cannot be used: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}

function pick<K extends keyof TlsOptions>(options: TlsOptions, names: readonly K[]): Pick<TlsOptions, K> {
  return Object.fromEntries(
    names.flatMap((name) => (options[name] === undefined ? [] : [[name, options[name]]])),
  ) as Pick<TlsOptions, K>;
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}
