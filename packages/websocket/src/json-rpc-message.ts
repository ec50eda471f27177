/** What a server sends: JSON-RPC 2.0, sections 4 and 5. */
export type Incoming =
  | {
      readonly kind: "response";
      readonly id: number;
      readonly status: number;
      /** The result, or the error object, as JSON. */
      readonly body: string;
    }
  | { readonly kind: "notification"; readonly method: string; readonly params: unknown }
  /** The server asks; `id` is its own, as JSON. */
  | { readonly kind: "request"; readonly id: string };

/** It is no message of JSON-RPC 2.0. */
export class BadMessage extends Error {}

/** @throws BadMessage */
export function readMessage(text: string): Incoming {
  const message = parse(text);
  if (!isObject(message) || message["jsonrpc"] !== "2.0") throw new BadMessage("it is no JSON-RPC 2.0");
  const { id, method, params } = message;
  if (method !== undefined) {
    if (typeof method !== "string") throw new BadMessage("its method is no string");
    if (id === undefined) return { kind: "notification", method, params };
    if (typeof id !== "string" && typeof id !== "number" && id !== null) throw new BadMessage("its id is of no kind");
    return { kind: "request", id: JSON.stringify(id) };
  }
  if (typeof id !== "number") throw new BadMessage("it answers nothing that was asked");
  const failed = "error" in message;
  if (failed === "result" in message) throw new BadMessage("it has not one of result and error");
  if (!failed) return { kind: "response", id, status: 200, body: JSON.stringify(message["result"]) };
  const { error } = message;
  if (!isObject(error) || !Number.isInteger(error["code"]) || typeof error["message"] !== "string") {
    throw new BadMessage("its error is none");
  }
  return { kind: "response", id, status: statusOf(error["code"] as number), body: JSON.stringify(error) };
}

/** `params` is JSON already, or there are none. */
export function writeRequest(id: number, method: string, params: string): string {
  const rest = params === "" ? "" : `,"params":${params}`;
  return `{"jsonrpc":"2.0","id":${id},"method":${JSON.stringify(method)}${rest}}`;
}

/** What a server is told that asks us; `id` is JSON. */
export function writeNoSuchMethod(id: string): string {
  return `{"jsonrpc":"2.0","id":${id},"error":{"code":-32601,"message":"Method not found"}}`;
}

/** The status that says what an error code does (JSON-RPC 2.0, 5.1). */
export function statusOf(code: number): number {
  if (code === -32_601) return 404;
  return code === -32_600 || code === -32_602 || code === -32_700 ? 400 : 500;
}

/** Undefined for a path that names no method: it is empty, wrongly escaped, or has a query. */
export function methodOf(path: string): string | undefined {
  if (path === "/" || path.includes("?")) return undefined;
  try {
    return decodeURIComponent(path.slice(1));
  } catch {
    return undefined;
  }
}

/** Whether JSON is what `params` may be: an object or an array (JSON-RPC 2.0, 4.2). */
export function isParams(text: string): boolean {
  try {
    const params: unknown = JSON.parse(text);
    return typeof params === "object" && params !== null;
  } catch {
    return false;
  }
}

// A number that a double may not hold is kept as it was written.
const longNumber = /\d{16}|\d[eE]/;
type Reviver = (key: string, value: unknown, context: { readonly source?: string }) => unknown;
const json = JSON as unknown as {
  parse(text: string, reviver?: Reviver): unknown;
  rawJSON(text: string): unknown;
};

function parse(text: string): unknown {
  try {
    return longNumber.test(text) ? json.parse(text, keepNumber) : json.parse(text);
  } catch {
    throw new BadMessage("it is no JSON");
  }
}

function keepNumber(_: string, value: unknown, { source = "" }: { readonly source?: string }): unknown {
  return typeof value === "number" && String(value) !== source && longNumber.test(source)
    ? json.rawJSON(source)
    : value;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
