import { lookup as systemLookup } from "node:dns";
import type { LookupFunction } from "node:net";
import type { ConnectionOptions } from "node:tls";
import { parseProxy, type Proxy } from "./proxy.ts";
import { parseTls, type TlsSettings } from "./tls.ts";

/**
 * The members of node's `tls.ConnectionOptions` that say whom to trust and who we are. What is left out is decided by
 * the dial: addresses, ALPN and sessions.
 */
export type TlsOptions = Pick<
  ConnectionOptions,
  | "allowPartialTrustChain"
  | "ca"
  | "cert"
  | "checkServerIdentity"
  | "ciphers"
  | "crl"
  | "ecdhCurve"
  | "key"
  | "maxVersion"
  | "minVersion"
  | "passphrase"
  | "pfx"
  | "rejectUnauthorized"
  | "secureContext"
  | "servername"
  | "sigalgs"
>;

/**
 * The URL of a proxy, `http:`, `https:`, `socks5:` (we resolve the name) or `socks5h:` (the proxy does), with its
 * credentials as user information; or `"environment"`: `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`, read at
 * each dial.
 */
export type ProxyOptions = URL | string;

/** How to reach an origin; shared by all network adapters. */
export interface DialOptions {
  /** Trust and identity. Default: node's trusted authorities, no client certificate, certificates verified. */
  readonly tls?: TlsOptions;
  /** A unix socket to connect to, whatever the origin's host and port; the host still names the peer in TLS. Excludes `proxy`. */
  readonly socketPath?: string;
  /** Reach every origin through a tunnel. Default: none; the environment counts only if this says `"environment"`. */
  readonly proxy?: ProxyOptions;
  /** Resolves names, called with `all: true`; may answer with one address or many. Default `dns.lookup`. */
  readonly lookup?: LookupFunction;
}

/** For adapters, which refuse what nobody knows. */
export const dialOptionNames: readonly (keyof DialOptions)[] = ["tls", "socketPath", "proxy", "lookup"];

/** {@link DialOptions}, checked. */
export interface DialSettings {
  readonly tls: TlsSettings;
  readonly socketPath: string | undefined;
  readonly proxy: Proxy | "environment" | undefined;
  readonly lookup: LookupFunction;
}

/** @throws TypeError that names the option. */
export function parseDialOptions(options: DialOptions): DialSettings {
  const { tls, socketPath, proxy, lookup } = options;
  if (socketPath !== undefined && (typeof socketPath !== "string" || socketPath === "")) {
    throw new TypeError("socketPath is not the path of a unix socket");
  }
  if (socketPath !== undefined && proxy !== undefined) {
    throw new TypeError("socketPath and proxy exclude each other: a unix socket is reached without a proxy");
  }
  if (lookup !== undefined && typeof lookup !== "function") throw new TypeError("lookup is not a function");
  return Object.freeze({
    tls: parseTls(tls === undefined ? {} : tls),
    socketPath,
    proxy: proxy === undefined || proxy === "environment" ? proxy : parseProxy(proxy, "proxy"),
    lookup: lookup ?? systemLookup,
  });
}
