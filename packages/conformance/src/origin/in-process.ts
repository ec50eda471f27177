import { application } from "./application.ts";
import { Control } from "./control.ts";
import type { Origin, OriginHandler } from "./origin.ts";

/** An origin without a socket: hand `handler` to an adapter that runs in this process. */
export function inProcessOrigin(): Origin & { readonly handler: OriginHandler } {
  const control = new Control();
  return { url: "http://origin.example", control, handler: application(control), close: () => Promise.resolve() };
}
