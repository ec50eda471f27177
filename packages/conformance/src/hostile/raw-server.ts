import { RawPeer, type RawRequest } from "./raw-peer.ts";
import { type ListenAs, type Script, type ScriptedServer, scriptedServer } from "./scripted-server.ts";

export interface RawServer extends ScriptedServer<RawPeer> {
  /** Whole requests in the order of their arrival, over all connections. */
  readonly requests: readonly RawRequest[];
}

/** A server that runs `script` on each connection, byte for byte. A script may return while its connection stays open. */
export async function rawServer(script: Script<RawPeer>, options: ListenAs = {}): Promise<RawServer> {
  const requests: RawRequest[] = [];
  const server = await scriptedServer((socket, index) => new RawPeer(socket, index, requests), script, options);
  return { ...server, requests };
}

/** A script that answers each request with what `answer` returns, in the order of their arrival. */
export function rawAnswers(
  answer: (request: RawRequest, peer: RawPeer) => string | Promise<string>,
): (peer: RawPeer) => Promise<void> {
  return async (peer) => {
    for (;;) await peer.write(await answer(await peer.request(), peer));
  };
}

/** An HTTP/1.1 response with a length; `head` is further fields, each line ended. */
export function ok(body = "ok", head = ""): string {
  return `HTTP/1.1 200 OK\r\n${head}content-length: ${body.length}\r\n\r\n${body}`;
}
