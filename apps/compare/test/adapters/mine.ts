// An adapter as a third party writes one, for the tests of --adapter: HTTP/1.1 under a name of its own.
import { http1, type Http1Options } from "@holdfast/http1";
import { type Transport, wrap } from "@holdfast/transport";

export function mine(options: Http1Options): Transport {
  const next = http1(options);
  const { protocol, capabilities } = next;
  return wrap(next, { "~holdfast": { version: 1, vendor: "holdfast-adapter-mine", protocol, capabilities } });
}
