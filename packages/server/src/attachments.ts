import type { IncomingMessage, Server as HttpServer } from "node:http";
import type { Server as HttpsServer } from "node:https";
import type { Socket } from "node:net";
import { isWebSocketUpgrade, type Upgrades } from "./upgrade.ts";

/** What one call of `attach()` added to a server. */
export interface Attachment {
  /** The only one that it takes; undefined for any. */
  readonly path: string | undefined;
  readonly upgrades: Upgrades;
}

/** Of node from 22.21 on: whether a request becomes an upgrade, or is one like any. */
interface Upgradable {
  shouldUpgradeCallback?: (request: IncomingMessage) => boolean;
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
  /** Of the server itself. */
  #isUpgrade: Upgradable["shouldUpgradeCallback"];

  constructor(server: HttpServer | HttpsServer) {
    this.#server = server;
  }

  add(attachment: Attachment): void {
    if (this.#all.size === 0) this.#listen();
    this.#all.add(attachment);
  }

  delete(attachment: Attachment): void {
    if (this.#all.delete(attachment) && this.#all.size === 0) this.#leave();
  }

  #listen(): void {
    const server: HttpServer & Upgradable = this.#server;
    this.#server.on("upgrade", this.#take);
    this.#isUpgrade = server.shouldUpgradeCallback;
    if (this.#isUpgrade !== undefined) server.shouldUpgradeCallback = this.#shouldUpgrade;
  }

  #leave(): void {
    const server: HttpServer & Upgradable = this.#server;
    this.#server.off("upgrade", this.#take);
    if (server.shouldUpgradeCallback === this.#shouldUpgrade && this.#isUpgrade !== undefined) {
      server.shouldUpgradeCallback = this.#isUpgrade;
    }
  }

  /** While nobody else listens, a request that would become something else than a WebSocket, such as h2c, goes on as one like any. */
  readonly #shouldUpgrade = (request: IncomingMessage): boolean => {
    if (this.#isUpgrade?.call(this.#server, request) !== true) return false;
    return this.#all.size === 0 || this.#server.listenerCount("upgrade") > 1 || isWebSocketUpgrade(request);
  };

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
