import type { LookupAddress } from "node:dns";
import { isIP, type LookupFunction } from "node:net";

/** One address of a name. */
export interface Address {
  readonly address: string;
  readonly family: 4 | 6;
}

/** The address that an IP literal is; undefined for a name. */
export function literalAddress(hostname: string): Address | undefined {
  const family = isIP(hostname);
  return family === 4 || family === 6 ? { address: hostname, family } : undefined;
}

/**
 * The addresses of a name, in the order of the lookup, at least one. A lookup cannot be cancelled: who gives up stops
 * waiting.
 */
export function resolve(hostname: string, lookup: LookupFunction): Promise<readonly Address[]> {
  return new Promise((fulfil, reject) => {
    lookup(hostname, { all: true }, (error, answer) => {
      if (error !== null && error !== undefined) {
        reject(error);
        return;
      }
      try {
        fulfil(readAnswer(hostname, answer));
      } catch (unreadable) {
        reject(unreadable);
      }
    });
  });
}

function readAnswer(hostname: string, answer: string | readonly LookupAddress[]): readonly Address[] {
  const found = typeof answer === "string" ? [answer] : answer.map(({ address }) => address);
  const addresses = found.map((text) => {
    const address = literalAddress(text);
    // Anything else would be resolved once more by the socket, behind the back of the lookup.
    if (address === undefined)
      throw new TypeError(`the lookup answered ${JSON.stringify(text)}, which is not an IP address`);
    return address;
  });
  if (addresses.length === 0) throw new Error(`the lookup found no address of ${hostname}`);
  return addresses;
}
