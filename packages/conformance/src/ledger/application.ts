import { createHash } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import type { OriginHandler } from "../origin/origin.ts";
import { pattern } from "../pattern.ts";

/** Where executions are written down. */
export interface Executed {
  /** Notes an execution, before anything of it is done; the caller ends it by what is returned. */
  begin(id: number): () => void;
}

/** The server's side of a ledger. */
export interface LedgerApplication {
  readonly handler: OriginHandler;
  /** The next execution breaks off, before its head or within its body. */
  breakNext(within: boolean): void;
}

/**
 * Answers `/<id>?bytes=&ms=` with so many bytes of the id's pattern, after so long, and tells in fields which id it answers
 * and what it read. An exchange counts as executed as soon as it is looked at, whole or not; its execution ends with the
 * head, for nobody need read the body: not a server that could not write the head.
 */
export function ledgerApplication(journal: Executed): LedgerApplication {
  const breaks: boolean[] = [];
  const handler: OriginHandler = async ({ url, body, signal }) => {
    const id = Number(url.pathname.slice(1));
    const end = journal.begin(id);
    // A body that nobody begins to read does not learn that nobody wants it.
    signal.addEventListener("abort", end, { once: true });
    const within = breaks.shift();
    try {
      if (within === false) throw new Error("asked to break off");
      const hash = createHash("sha256");
      for await (const chunk of body) hash.update(chunk);
      const serverMs = Number(url.searchParams.get("ms"));
      if (serverMs > 0) await delay(serverMs, undefined, { signal });
      const bytes = Number(url.searchParams.get("bytes"));
      const headers = { "x-id": String(id), "x-read": hash.digest("hex"), "content-length": String(bytes) };
      return { headers, body: pieces(id, bytes, within === true) };
    } finally {
      end();
    }
  };
  return { handler, breakNext: (within) => void breaks.push(within) };
}

async function* pieces(id: number, bytes: number, breaksOff: boolean): AsyncGenerator<Uint8Array, undefined> {
  for (let at = 0; at < bytes; at += 16_384) {
    yield pattern(Math.min(16_384, bytes - at), id + at);
    if (breaksOff) throw new Error("asked to break off");
  }
}
