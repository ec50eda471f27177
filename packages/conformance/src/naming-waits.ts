import { type Transport, wrap } from "@holdfast/transport";
import { waited, waitsFor } from "./waiting.ts";

/** The same transport, whose calls give what they wait for a name, so that a case that hangs in one says so. */
export function namingWaits(transport: Transport): Transport {
  const ends = (name: string, end: () => Promise<void>): Promise<void> => {
    const before = waited();
    const added = before === undefined ? "" : `; before that, for ${before}`;
    waitsFor(() => `${name}, while stats() shows ${shown(transport)}${added}`);
    return end();
  };
  return wrap(transport, {
    request: (request) => {
      waitsFor("request() to settle");
      return transport.request(request);
    },
    open: (request) => {
      waitsFor("open() to settle");
      return transport.open(request);
    },
    close: (options) => ends("close()", () => transport.close(options)),
    destroy: (reason) => ends("destroy()", () => transport.destroy(reason)),
    [Symbol.asyncDispose]: () => ends("close()", async () => transport[Symbol.asyncDispose]()),
  });
}

/** `1 active, 1 in flight` */
function shown(transport: Transport): string {
  const { connections, exchanges } = transport.stats();
  const { queued, inFlight } = exchanges;
  const counts = Object.entries({ ...connections, queued, "in flight": inFlight }).filter(([, count]) => count !== 0);
  return counts.map(([name, count]) => `${count} ${name}`).join(", ") || "nothing";
}
