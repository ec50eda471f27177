import type { Hostile } from "../hostile/hostile.ts";
import { inProcessHostile } from "../hostile/in-process.ts";
import { application } from "./application.ts";
import { Control } from "./control.ts";
import type { Origin, OriginHandler } from "./origin.ts";

export interface InProcessOrigin extends Origin {
  /** Answers for `url` and for all origins of `hostile`. */
  readonly handler: OriginHandler;
  readonly hostile: Hostile;
}

/** An origin without a socket: hand `handler` to an adapter that runs in this process. */
export function inProcessOrigin(): InProcessOrigin {
  const control = new Control();
  const friendly = application(control);
  const hostile = inProcessHostile();
  return {
    url: "http://origin.example",
    control,
    hostile,
    handler: (request) => (hostile.has(request.url) ? hostile.handler(request) : friendly(request)),
    close: () => Promise.resolve(),
  };
}
