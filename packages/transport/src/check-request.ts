import { Readable } from "node:stream";
import type { Fields } from "./fields.ts";
import type { Body, TransportRequest } from "./request.ts";
import { parseTarget, type Target } from "./target.ts";

/** What a checked body is: bytes, or something that yields them. `replayable` says whether it can be read again. */
export type CheckedBody =
  | { readonly kind: "none"; readonly replayable: true }
  | { readonly kind: "bytes"; readonly bytes: Uint8Array; readonly replayable: true }
  | { readonly kind: "stream"; readonly open: () => AsyncIterable<Uint8Array>; readonly replayable: boolean };

/** A request that every adapter may send as it is. Made once, never changed. */
export interface CheckedRequest {
  readonly target: Target;
  readonly method: string;
  /** Name, value, name, value, ...; names in lower case. */
  readonly headers: readonly string[];
  readonly body: CheckedBody;
  readonly idempotent: boolean;
  /** The members that nothing is made of, as they were at the call: the caller's object may be changed and used again. */
  readonly source: RequestSource;
}

export interface RequestSource {
  readonly attempt: TransportRequest["attempt"];
  readonly deadlineMs: TransportRequest["deadlineMs"];
  readonly timeouts: TransportRequest["timeouts"];
  readonly signal: TransportRequest["signal"];
  readonly trailers: TransportRequest["trailers"];
  readonly onInformational: TransportRequest["onInformational"];
  readonly onPush: TransportRequest["onPush"];
}

const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
// Everything but controls; a code point above 255 does not fit the wire (RFC 9110, 5.5).
const fieldValue = /^[\t\x20-\x7e\x80-\xff]*$/;
/** The fields of every request that has none. Never written to. */
const noHeaders: string[] = [];
const noBody: CheckedBody = { kind: "none", replayable: true };

/** RFC 9110, 9.2.2, and the safe methods of WebDAV and of the QUERY draft. */
const idempotentMethods: ReadonlySet<string> = new Set([
  "GET",
  "HEAD",
  "OPTIONS",
  "TRACE",
  "PUT",
  "DELETE",
  "QUERY",
  "PROPFIND",
  "REPORT",
  "SEARCH",
]);

/** They frame a message or speak for one connection only, so they are the transport's (RFC 9110, 7.6.1). */
const framingFields: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
  "upgrade",
  "expect",
  "http2-settings",
  "trailer",
]);

/**
 * Checks a request once, for every adapter, before anything is queued: nothing that a caller passes can change the framing
 * of what is sent.
 *
 * @throws TypeError that says what is wrong and quotes names, never values.
 */
export function checkRequest(request: TransportRequest): CheckedRequest {
  if (typeof request !== "object" || request === null) throw new TypeError("request() takes an object with a url");
  const target = parseTarget(request.url);
  const method = request.method === undefined || request.method === "GET" ? "GET" : checkMethod(request.method);
  const headers: string[] = request.headers === undefined ? noHeaders : [];
  let keyed = false;
  let length: string | undefined;
  if (request.headers !== undefined) {
    checkFields(request.headers, headers);
    for (let i = 0; i < headers.length; i += 2) {
      const name = headers[i];
      if (name === "idempotency-key") keyed = headers[i + 1] !== "";
      else if (name === "content-length") length = checkLength(headers[i + 1] as string, length);
      else if (name === "host" && repeats(headers, i)) throw new TypeError("host is given twice");
    }
  }
  const body = request.body === undefined || request.body === null ? noBody : checkBody(request.body);
  if (length !== undefined && body.kind !== "stream") {
    const bytes = body.kind === "bytes" ? body.bytes.byteLength : 0;
    if (Number(length) !== bytes) throw new TypeError(`content-length says ${length} bytes, the body has ${bytes}`);
  }
  checkNumber("attempt", request.attempt, 1);
  checkNumber("deadlineMs", request.deadlineMs, 0);
  if (request.timeouts !== undefined) checkTimeouts(request.timeouts);
  checkType("idempotent", request.idempotent, "boolean");
  checkType("trailers", request.trailers, "function");
  checkType("onInformational", request.onInformational, "function");
  checkType("onPush", request.onPush, "function");
  if (request.signal !== undefined && !(request.signal instanceof AbortSignal))
    throw new TypeError("signal is not an AbortSignal");
  return {
    target,
    method,
    headers,
    body,
    idempotent: request.idempotent ?? (keyed || idempotentMethods.has(method)),
    source: sourceOf(request),
  };
}

/**
 * Appends each field as name, value to `into`, blanks around a value left out: they are no part of it (RFC 9110, 5.5), and
 * HTTP/2 peers drop a field that has them (RFC 9113, 8.2.1). Used for trailers too.
 *
 * @throws TypeError for what is not a plain object of fields. The names of a `Headers`, a `Map` or an array of pairs are no
 * keys of it, so they would be lost.
 */
export function checkFields(fields: Fields, into: string[]): void {
  if (typeof fields !== "object" || fields === null || Symbol.iterator in fields) {
    throw new TypeError("fields are given as a plain object of names and values");
  }
  for (const name of Object.keys(fields)) {
    if (!token.test(name)) throw new TypeError(`${JSON.stringify(name)} is not a field name (RFC 9110, 5.1)`);
    const lower = name.toLowerCase();
    if (framingFields.has(lower)) throw new TypeError(`the field ${lower} belongs to the transport and cannot be set`);
    const value = fields[name];
    if (typeof value === "string") into.push(lower, checkValue(lower, value));
    else if (Array.isArray(value)) for (const one of value as unknown[]) into.push(lower, checkValue(lower, one));
    else throw new TypeError(`the value of the field ${lower} is not a string or an array of strings`);
  }
}

/** `value` must be a number of at least `least`; undefined passes. */
export function checkNumber(name: string, value: unknown, least: number): void {
  if (value !== undefined && !(typeof value === "number" && value >= least)) {
    throw new TypeError(`${name} is not a number of at least ${least}`);
  }
}

/** The names of the phases that have a timeout, and nothing else. */
export function checkTimeouts(timeouts: object): void {
  if (typeof timeouts !== "object" || timeouts === null) throw new TypeError("timeouts is not an object");
  for (const [name, value] of Object.entries(timeouts)) {
    if (name !== "queueMs" && name !== "connectMs" && name !== "headMs" && name !== "bodyGapMs") {
      throw new TypeError(`timeouts.${name} is unknown; there are queueMs, connectMs, headMs and bodyGapMs`);
    }
    checkNumber(`timeouts.${name}`, value, 0);
  }
}

/** Whether the name at `at` comes again; values, at odd places, do not count. */
function repeats(headers: readonly string[], at: number): boolean {
  return headers.some((text, i) => i > at && i % 2 === 0 && text === headers[at]);
}

/** Member by member, because this runs for each request. */
function sourceOf(request: TransportRequest): RequestSource {
  const { attempt, deadlineMs, timeouts, signal, trailers, onInformational, onPush } = request;
  return { attempt, deadlineMs, timeouts, signal, trailers, onInformational, onPush };
}

function checkType(name: string, value: unknown, type: "boolean" | "function"): void {
  if (value !== undefined && typeof value !== type) throw new TypeError(`${name} is not a ${type}`);
}

function checkMethod(method: unknown): string {
  if (typeof method !== "string" || !token.test(method)) throw new TypeError("method is not a token (RFC 9110, 9.1)");
  if (method === "CONNECT")
    throw new TypeError("CONNECT asks for a tunnel, which is not an exchange; see the proxy option");
  return method;
}

function checkValue(name: string, value: unknown): string {
  if (typeof value !== "string" || !fieldValue.test(value)) {
    throw new TypeError(`the value of the field ${name} is not a string of field characters (RFC 9110, 5.5)`);
  }
  const bare = withoutBlanks(value);
  if (name === "te" && bare !== "trailers") throw new TypeError("the field te can only ask for trailers");
  return bare;
}

function withoutBlanks(value: string): string {
  let start = 0;
  let end = value.length;
  while (start < end && isBlank(value.charCodeAt(start))) start += 1;
  while (end > start && isBlank(value.charCodeAt(end - 1))) end -= 1;
  return end - start === value.length ? value : value.slice(start, end);
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

function checkLength(value: string, earlier: string | undefined): string {
  if (earlier !== undefined || !/^\d{1,15}$/.test(value)) throw new TypeError("content-length is not one whole number");
  return value;
}

function checkBody(body: Body): CheckedBody {
  if (typeof body === "string") return { kind: "bytes", bytes: Buffer.from(body), replayable: true };
  if (body instanceof Uint8Array) return { kind: "bytes", bytes: body, replayable: true };
  if (typeof body === "function") return { kind: "stream", open: body, replayable: true };
  if (typeof body !== "object" || !(Symbol.asyncIterator in body)) {
    throw new TypeError("body is not a string, bytes, an async iterable, a stream or a function that makes one");
  }
  if (wasUsed(body)) throw new TypeError("the body is a stream that was already read, locked or destroyed");
  return { kind: "stream", open: () => body, replayable: false };
}

function wasUsed(body: AsyncIterable<Uint8Array>): boolean {
  const { locked, destroyed, readableEnded } = body as {
    readonly locked?: boolean;
    readonly destroyed?: boolean;
    readonly readableEnded?: boolean;
  };
  if (locked === true || destroyed === true || readableEnded === true) return true;
  return (
    (body instanceof ReadableStream || "readableFlowing" in body) && Readable.isDisturbed(body as unknown as Readable)
  );
}
