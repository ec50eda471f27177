import type { IncomingMessage, ServerResponse } from "node:http";
import { fetchNodeHandler, toFetchHandler } from "srvx/node";
import type { FetchHandler } from "./fetch-handler.ts";

/** What `node:http` calls for a request, and what an Express app is. */
export type NodeHandler = (request: IncomingMessage, response: ServerResponse) => unknown;

/** What srvx adds to a request of its own. */
interface BridgedRequest extends Request {
  readonly runtime?: { readonly node?: { readonly req: { readonly httpVersionMajor: number } } };
  readonly _request?: Request;
}

/**
 * A handler of Node, such as an Express app, as a fetch handler. On HTTP/1.1 it gets node's own objects; elsewhere objects
 * that look like them, because Express breaks those of HTTP/2, without the client's address.
 */
export function fromNode(handler: NodeHandler): FetchHandler {
  // Of two parameters, or srvx would pass a third, and Express leave it to that to say that nothing was found.
  const nodes = (request: IncomingMessage, response: ServerResponse) => void handler(request, response);
  const direct = toFetchHandler(nodes);
  return (request: BridgedRequest) => {
    if (request.runtime?.node?.req.httpVersionMajor === 1) return direct(request);
    return fetchNodeHandler(nodes, request._request ?? request);
  };
}
