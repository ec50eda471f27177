import type { Driver } from "@holdfast/pool";
import { Http1Connection } from "./connection.ts";
import type { ParsedHttp1Options } from "./options.ts";

/** How the pool makes connections that speak HTTP/1.1. */
export function http1Driver({ dialler, client }: ParsedHttp1Options): Driver {
  return {
    protocol: "http/1.1",
    idPrefix: "h1",
    multiplexed: false,
    expectedCapacity: 1,
    dial: (target, owner, timeoutMs) => {
      const dial = dialler.dial({
        target,
        secure: target.scheme === "https:",
        protocol: "http/1.1",
        alpn: { offer: ["http/1.1"], required: false },
        timeoutMs,
      });
      return {
        get phase() {
          return dial.phase;
        },
        opened: dial.done.then((dialled) => new Http1Connection(target, dialled, owner, client)),
        cancel: (reason) => dial.cancel(reason),
      };
    },
  };
}
