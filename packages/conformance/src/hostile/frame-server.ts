import { FramePeer, type FramePeerOptions, type FrameRequest } from "./frame-peer.ts";
import { type ListenAs, type Script, type ScriptedServer, scriptedServer } from "./scripted-server.ts";

export interface FrameServer extends ScriptedServer<FramePeer> {
  /** Heads of requests, of all connections, in the order of arrival. */
  readonly requests: readonly FrameRequest[];
}

export interface FrameServerOptions extends FramePeerOptions, ListenAs {}

/** A server that runs `script` on each connection, frame for frame. TLS chooses `h2` by ALPN. */
export async function frameServer(
  script: Script<FramePeer>,
  { tls, listen, ...options }: FrameServerOptions = {},
): Promise<FrameServer> {
  const requests: FrameRequest[] = [];
  const server = await scriptedServer(
    (socket, index) => new FramePeer(socket, index, options, (request) => requests.push(request)),
    script,
    {
      ...(tls !== undefined && { tls: { ALPNProtocols: ["h2"], ...tls } }),
      ...(listen !== undefined && { listen }),
    },
  );
  return { ...server, requests };
}

/** A script that answers each request as `answer` does, all at the same time; by itself with 200 and `ok`. */
export function frameAnswers(
  answer: (request: FrameRequest, peer: FramePeer) => Promise<void> | void = ({ stream }, peer) => peer.respond(stream),
): (peer: FramePeer) => Promise<void> {
  return async (peer) => {
    for (;;) void answer(await peer.request(), peer);
  };
}
