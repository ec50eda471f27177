import type { CheckedRequest, Fields } from "@holdfast/transport";

type MutableFields = Record<string, string | string[]>;

/** A request head as name, value, name, value, ...: pseudo-fields first (RFC 9113, 8.3). */
export function requestHeaders({ method, target, headers, body }: CheckedRequest): string[] {
  const list = [
    ":method",
    method,
    ":scheme",
    target.scheme.slice(0, -1),
    ":authority",
    authority(target),
    ":path",
    target.path,
  ];
  let measured = false;
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string;
    const value = headers[i + 1] as string;
    if (name === "host") list[5] = value;
    else list.push(name, value);
    if (name === "content-length") measured = true;
  }
  if (body.kind === "bytes" && !measured) list.push("content-length", String(body.bytes.byteLength));
  return list;
}

/** The authority that a request is sent with. */
export function authorityOf({ target, headers }: CheckedRequest): string {
  for (let i = 0; i < headers.length; i += 2) if (headers[i] === "host") return headers[i + 1] as string;
  return authority(target);
}

function authority({ origin }: CheckedRequest["target"]): string {
  return origin.slice(origin.indexOf("//") + 2);
}

/** Fields as they came, pseudo-fields left out; names are in lower case on the wire (RFC 9113, 8.2.1). */
export function fieldsOf(raw: readonly string[]): Fields {
  const fields = { __proto__: null } as unknown as MutableFields;
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] as string;
    if (name.charCodeAt(0) !== 0x3a) add(fields, name, raw[i + 1] as string);
  }
  return fields;
}

/** The size of a list as its limit counts it (RFC 9113, 6.5.2). */
export function listBytes(raw: readonly string[]): number {
  let bytes = raw.length * 16;
  for (const text of raw) bytes += text.length;
  return bytes;
}

function add(fields: MutableFields, name: string, value: string): void {
  const present = fields[name];
  if (present === undefined) fields[name] = name === "set-cookie" ? [value] : value;
  else if (typeof present === "string") fields[name] = [present, value];
  else present.push(value);
}
