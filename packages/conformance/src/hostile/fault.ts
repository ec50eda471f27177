/**
 * What an origin can be told to do wrong, or at an awkward moment. No protocol can express all of them.
 *
 * | fault | what the origin can do |
 * | --- | --- |
 * | `cut` | end a connection anywhere, by FIN or by RST |
 * | `half-head` | end it within a response's head |
 * | `open-body` | send a body without telling its length |
 * | `end-mark` | leave the end mark of a body out whose length it told, and sent |
 * | `trailers` | end a body with trailers |
 * | `reset` | break one exchange off, and keep its connection |
 * | `refuse` | say of an exchange that it was never looked at |
 * | `last` | say with a response that it is its connection's last |
 * | `goodbye` | say at any time that a connection takes no more, and which exchanges in flight were never looked at |
 * | `limit` | say how many exchanges a connection may have at a time, and change that |
 * | `credit` | say how much of a request's body it takes, and later more |
 * | `push` | send a response that nobody asked for |
 * | `violation` | break the rules of the protocol |
 */
export type Fault =
  | "cut"
  | "half-head"
  | "open-body"
  | "end-mark"
  | "trailers"
  | "reset"
  | "refuse"
  | "last"
  | "goodbye"
  | "limit"
  | "credit"
  | "push"
  | "violation";

/** Thrown by an origin that is told to do what its protocol cannot express. */
export function inexpressible(protocol: string, fault: Fault): never {
  throw new TypeError(`${protocol} cannot express the fault "${fault}"`);
}

/** Thrown by an origin that is told to break its protocol in a way that it does not know. */
export function unknownBreach(name: string | undefined): never {
  throw new TypeError(`there is no breach called ${JSON.stringify(name)}`);
}
