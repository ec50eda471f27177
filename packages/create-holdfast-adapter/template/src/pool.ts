import type { Driver } from "@holdfast/pool";
import { JsonlConnection } from "./connection.ts";
import type { ParsedJsonlOptions } from "./options.ts";

/** How the pool makes connections. Placing exchanges on them, and all limits of time, are the pool's. */
export function jsonlDriver({ dialler, lineBytes }: ParsedJsonlOptions): Driver {
  return {
    protocol: "jsonl",
    idPrefix: "jsonl",
    multiplexed: false,
    expectedCapacity: 1,
    dial: (target, owner, timeoutMs) => {
      const dial = dialler.dial({
        target,
        secure: target.scheme === "https:",
        protocol: "jsonl",
        alpn: { offer: ["jsonl"], required: false },
        timeoutMs,
      });
      return {
        get phase() {
          return dial.phase;
        },
        opened: dial.done.then((dialled) => new JsonlConnection(dialled, owner, lineBytes)),
        cancel: (reason) => dial.cancel(reason),
      };
    },
  };
}
