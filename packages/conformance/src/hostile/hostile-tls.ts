/** How a hostile origin is reached. */
export interface HostileTls {
  /** A certificate and its key, both PEM: then it speaks TLS. */
  readonly tls?: { readonly cert: string; readonly key: string };
}
