import type { ClientHttp2Session } from "node:http2";

/** The part of a session of node's that is not JavaScript. It is freed when this object is collected. */
export type NativeHandle = object;

/** Where node keeps it: a symbol of its own, which is not exported. */
let handleKey: symbol | undefined;

/** Undefined once node has let go of it, and on a node that keeps it elsewhere. */
export function nativeHandle(session: ClientHttp2Session): NativeHandle | undefined {
  handleKey ??= Object.getOwnPropertySymbols(session).find(({ description }) => description === "kHandle");
  return handleKey && (session as unknown as { readonly [key: symbol]: NativeHandle | undefined })[handleKey];
}
