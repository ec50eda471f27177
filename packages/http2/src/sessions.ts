import type { Driver } from "@holdfast/pool";
import type { ParsedHttp2Options } from "./options.ts";
import { openSession } from "./open-session.ts";
import { sessionFactory } from "./session-factory.ts";

/** How the pool makes connections that speak HTTP/2. */
export function http2Driver(options: ParsedHttp2Options): Driver {
  const makeSession = sessionFactory();
  return {
    protocol: "h2",
    idPrefix: "h2",
    multiplexed: true,
    expectedCapacity: options.maxStreams,
    pushes: true,
    dial: (target, owner, timeoutMs, push) => openSession(target, owner, timeoutMs, push, options, makeSession),
  };
}
