import type { Dial, DialRequest } from "./dial.ts";
import { Dialling } from "./dialling.ts";
import { type DialOptions, parseDialOptions } from "./options.ts";
import { tickets } from "./tickets.ts";

/** Makes connections with one set of options. Holds TLS tickets, no sockets; it needs no closing. */
export interface Dialler {
  /** Starts at once; never throws. */
  dial(request: DialRequest): Dial;
}

/** Origins whose TLS ticket is kept, so that the next connection to them is resumed. */
const maxTicketOrigins = 100;

/**
 * Parses the options once; they hold for every connection.
 *
 * @throws TypeError that names the option.
 */
export function dialler(options: DialOptions = {}): Dialler {
  const settings = parseDialOptions(options);
  const kept = tickets(maxTicketOrigins);
  return { dial: (request) => new Dialling(request, settings, kept) };
}
