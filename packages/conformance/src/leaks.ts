import { AsyncLocalStorage, createHook } from "node:async_hooks";
import { turn } from "./turn.ts";

/** What keeps a process alive, or a peer waiting. TLS and an HTTP/2 session do neither without the socket beneath. */
const watchedTypes: ReadonlySet<string> = new Set(["Timeout", "TCPWRAP", "PIPEWRAP", "GETADDRINFOREQWRAP"]);

/** Which check the work that runs belongs to. One storage for all checks: up to Node 22 each adds for good to the price of every promise. */
const current: AsyncLocalStorage<object> = new AsyncLocalStorage();

/**
 * Runs `work` and tells which timers and sockets were made by it and are still there when it is done. Timers that do not
 * hold the process, as those that an engine shares between its clients, are not counted; sockets are, whoever holds them.
 */
export async function withLeakCheck(work: () => Promise<void>): Promise<readonly string[]> {
  const made = new Map<number, { readonly type: string; readonly resource: object }>();
  const hook = createHook({
    init: (asyncId, type, _, resource) => {
      if (watchedTypes.has(type) && current.getStore() === made) made.set(asyncId, { type, resource });
    },
    destroy: (asyncId) => void made.delete(asyncId),
  }).enable();
  try {
    await current.run(made, work);
    let left = present(made);
    // A socket that was destroyed is closed some turns later.
    for (let turns = 0; left.length > 0 && turns < 5_000; turns++) {
      await turn();
      left = present(made);
    }
    return left;
  } finally {
    hook.disable();
  }
}

function present(made: ReadonlyMap<number, { readonly type: string; readonly resource: object }>): string[] {
  return [...made.values()]
    .filter(({ type, resource }) => type !== "Timeout" || holdsProcess(resource))
    .map(({ type, resource }) => nameOf(type, resource));
}

function holdsProcess(timer: { hasRef?: () => boolean; _destroyed?: boolean }): boolean {
  return timer._destroyed !== true && timer.hasRef?.() !== false;
}

/** With the port that a socket is connected to, which tells whose it is. */
function nameOf(type: string, resource: { getpeername?: (into: { port?: number }) => number }): string {
  if (type !== "TCPWRAP") return type;
  const peer: { port?: number } = {};
  return resource.getpeername?.(peer) === 0 && peer.port !== undefined ? `TCPWRAP to port ${peer.port}` : type;
}
