import type { IncomingMessage, Server as HttpServer } from "node:http";
import type { Server as HttpsServer } from "node:https";
import type { Socket } from "node:net";
import type { Upgrades } from "./upgrade.ts";

/** What one call of `attach()` added to a server. */
export interface Attachment {
  /** The only one that it takes; undefined for any. */
  readonly path: string | undefined;
  readonly upgrades: Upgrades;
}

const ofServers: WeakMap<HttpServer | HttpsServer, Attachments> = new WeakMap();

/** Adds to what the server has; gives what takes it away again. */
export function addAttachment(server: HttpServer | HttpsServer, attachment: Attachment): () => void {
  const attachments = ofServers.get(server) ?? new Attachments(server);
  ofServers.set(server, attachments);
  attachments.add(attachment);
  return () => attachments.delete(attachment);
}

/** All that was attached to one server, in that order, behind one listener: which of them takes an upgrade is decided once. */
class Attachments {
  readonly #server: HttpServer | HttpsServer;
  readonly #all: Set<Attachment> = new Set();

  constructor(server: HttpServer | HttpsServer) {
    this.#server = server;
  }

  add(attachment: Attachment): void {
    if (this.#all.size === 0) this.#server.on("upgrade", this.#take);
    this.#all.add(attachment);
  }

  delete(attachment: Attachment): void {
    if (this.#all.delete(attachment) && this.#all.size === 0) this.#server.off("upgrade", this.#take);
  }

  readonly #take = (request: IncomingMessage, socket: unknown, head: Buffer): void => {
    const here = [...this.#all].filter(({ path }) => path === undefined || path === pathOf(request));
    const taker = here.find(({ upgrades }) => upgrades.wants(request));
    // Perhaps somebody else's.
    if (taker === undefined && this.#server.listenerCount("upgrade") > 1) return;
    const [first] = here.length > 0 ? here : this.#all;
    void (taker ?? first)?.upgrades.take(request, socket as Socket, head, here.length === 0);
  };
}

function pathOf({ url = "" }: IncomingMessage): string {
  const query = url.indexOf("?");
  return query < 0 ? url : url.slice(0, query);
}
