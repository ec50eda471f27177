import type { Socket } from "node:net";
import type { Proxy } from "./proxy.ts";
import { readAnswer } from "./read-answer.ts";

const maxHeadBytes = 16_384;

/**
 * Asks an HTTP proxy for a tunnel to `authority`, host and port (RFC 9110, 9.3.6). Afterwards the next byte that the socket
 * yields is the peer's. Rejects with an error whose message completes "the proxy …"; the caller destroys the socket then.
 */
export function openConnectTunnel(socket: Socket, authority: string, credentials: Proxy["credentials"]): Promise<void> {
  const lines = [`CONNECT ${authority} HTTP/1.1`, `host: ${authority}`];
  if (credentials !== undefined) {
    const pair = Buffer.from(`${credentials.username}:${credentials.password}`).toString("base64");
    lines.push(`proxy-authorization: Basic ${pair}`);
  }
  socket.write(`${lines.join("\r\n")}\r\n\r\n`);
  let received: Buffer = Buffer.alloc(0);
  return readAnswer(socket, (chunk) => {
    received = Buffer.concat([received, chunk]);
    return readHead(received);
  });
}

/**
 * What follows the head of a 2xx answer; undefined while the head is not complete. Its fields are of no interest: a 2xx
 * answer to CONNECT has no body, whatever they say.
 *
 * @throws Error for any other status, for a head of more than 16 KiB, and for what is not HTTP/1.
 */
export function readHead(received: Buffer): Buffer | undefined {
  const end = received.indexOf("\r\n\r\n");
  const head = received.toString("latin1", 0, end < 0 ? received.byteLength : end);
  // Said at the first wrong byte: a peer that is no proxy may never send the end of a head.
  if (!head.startsWith("HTTP/1.".slice(0, head.length))) throw new Error("does not speak HTTP/1");
  if (head.length > maxHeadBytes) throw new Error(`answered CONNECT with a head of more than ${maxHeadBytes} bytes`);
  if (end < 0) return undefined;
  const status = Number(/^HTTP\/1\.[01] ([1-9]\d\d)(?:[ \r]|$)/.exec(head)?.[1]);
  if (Number.isNaN(status)) throw new Error("does not speak HTTP/1");
  if (status === 407) throw new Error("requires other credentials: it answered CONNECT with status 407");
  if (status < 200 || status > 299) throw new Error(`refused the tunnel: it answered CONNECT with status ${status}`);
  return received.subarray(end + 4);
}
