import type { Fields } from "@holdfast/transport";
import { fieldBytes } from "./frames.ts";

/**
 * Blocks of HEADERS: for each field two lengths of 16 bits, name, value. Octets are Latin-1 here, as HTTP's fields are
 * everywhere else (RFC 9110, 5.5). Pseudo-fields, whose names begin with a colon, come first. PROTOCOL.md, 5.
 */

type MutableFields = Record<string, string | string[]>;

/** What a request begins with. */
export interface RequestHead {
  readonly method: string;
  readonly path: string;
  readonly authority: string;
  /** What is left of the caller's deadline. */
  readonly deadlineMs: number | undefined;
  readonly headers: Fields;
  /** How many there are, pseudo-fields not counted. */
  readonly fields: number;
}

export interface ResponseHead {
  readonly status: number;
  readonly headers: Fields;
}

/** The block breaks the format, or is none of its kind: the stream is to blame, the connection is not. */
export class BadBlock extends Error {}

/** RFC 3986, 3.2, without user information: nothing in it may be taken for a path. */
const hostAndPort = /^(?:[\w\-.~!$&'()*+,;=%]+|\[[\da-f:.]+\])(?::\d{0,5})?$/i;

/** The authority that was checked last: a client asks for the same again and again. */
let lastAuthority = "";

/** Whether a URL may have it. */
function isAuthority(text: string): boolean {
  if (text === lastAuthority) return text !== "";
  if (!hostAndPort.test(text) || !URL.canParse(`http://${text}/`)) return false;
  lastAuthority = text;
  return true;
}

export function readRequestHead(block: Buffer): RequestHead {
  const { pseudo, fields, count } = readBlock(block);
  const { ":method": method, ":path": path, ":authority": authority, ":deadline": deadline } = pseudo;
  if (method === undefined || !/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(method)) throw new BadBlock("no :method");
  if (method === "CONNECT") throw new BadBlock("there is no CONNECT");
  if (path === undefined || !/^\/[\x21-\x7e]*$/.test(path)) throw new BadBlock("no :path");
  if (authority === undefined || !isAuthority(authority)) throw new BadBlock("no :authority");
  // Who reads the one and who reads the other could be led to two hosts.
  if (fields["host"] !== undefined) throw new BadBlock("a host beside :authority");
  if (deadline !== undefined && !/^\d{1,15}$/.test(deadline)) throw new BadBlock(":deadline is no number");
  return {
    method,
    path,
    authority,
    deadlineMs: deadline === undefined ? undefined : Number(deadline),
    headers: fields,
    fields: count,
  };
}

export function readResponseHead(block: Buffer): ResponseHead {
  const { pseudo, fields } = readBlock(block);
  const status = pseudo[":status"];
  if (status === undefined || !/^[1-5]\d\d$/.test(status)) throw new BadBlock("no :status from 100 to 599");
  return { status: Number(status), headers: fields };
}

export function readTrailers(block: Buffer): Fields {
  const { pseudo, fields } = readBlock(block);
  if (pseudo !== noPseudo) throw new BadBlock("a pseudo-field in trailers");
  return fields;
}

/** What a head says of its body; infinite when it says nothing. */
export function bodyBytes(headers: Fields): number {
  const text = headers["content-length"];
  if (text === undefined) return Infinity;
  if (typeof text !== "string" || !/^\d{1,15}$/.test(text))
    throw new BadBlock("content-length is not one whole number");
  return Number(text);
}

interface Block {
  readonly pseudo: Readonly<Record<string, string>>;
  readonly fields: Fields;
  /** Of the fields. */
  readonly count: number;
}

/** They frame an HTTP/1.1 message; whoever passed them on to such a peer would let ours forge one (RFC 9113, 8.2.2). */
const connectionFields: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
  "upgrade",
]);

const noPseudo: Readonly<Record<string, string>> = Object.freeze({ __proto__: null } as unknown as Record<
  string,
  string
>);

function readBlock(block: Buffer): Block {
  const fields = { __proto__: null } as unknown as MutableFields;
  let pseudo: Record<string, string> = noPseudo;
  let count = 0;
  let at = 0;
  while (at < block.byteLength) {
    if (block.byteLength - at < fieldBytes) throw new BadBlock("a field is cut");
    const nameBytes = ((block[at] as number) << 8) | (block[at + 1] as number);
    const valueBytes = ((block[at + 2] as number) << 8) | (block[at + 3] as number);
    const nameAt = at + fieldBytes;
    const valueAt = nameAt + nameBytes;
    at = valueAt + valueBytes;
    if (at > block.byteLength) throw new BadBlock("a field is cut");
    const name = readName(block, nameAt, valueAt);
    const value = readValue(block, valueAt, at);
    if (name.charCodeAt(0) === 0x3a) {
      if (count > 0) throw new BadBlock("a pseudo-field behind a field");
      if (pseudo === noPseudo) pseudo = { __proto__: null } as unknown as Record<string, string>;
      if (pseudo[name] !== undefined) throw new BadBlock("a pseudo-field twice");
      pseudo[name] = value;
    } else {
      if (connectionFields.has(name)) throw new BadBlock("a field that is for HTTP/1.1 only");
      count++;
      add(fields, name, value);
    }
  }
  return { pseudo, fields, count };
}

function add(fields: MutableFields, name: string, value: string): void {
  const present = fields[name];
  if (present === undefined) fields[name] = name === "set-cookie" ? [value] : value;
  else if (typeof present === "string") fields[name] = [present, value];
  else present.push(value);
}

/** Octets that a name may have: those of a token, letters in lower case (RFC 9113, 8.2.1). */
const inName: Uint8Array = octets("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz");
/** Octets that a value may have: all but controls (RFC 9110, 5.5). */
const inValue: Uint8Array = new Uint8Array(256).map((_, octet) =>
  Number(octet === 9 || (octet >= 32 && octet !== 127)),
);

function octets(text: string): Uint8Array {
  const table = new Uint8Array(256);
  for (const letter of text) table[letter.charCodeAt(0)] = 1;
  return table;
}

function readName(block: Buffer, start: number, end: number): string {
  const first = block[start] === 0x3a ? start + 1 : start;
  if (first >= end) throw new BadBlock("a field without a name");
  for (let i = first; i < end; i++) if (inName[block[i] as number] === 0) throw new BadBlock("a name that is none");
  return block.toString("latin1", start, end);
}

function readValue(block: Buffer, start: number, end: number): string {
  for (let i = start; i < end; i++) if (inValue[block[i] as number] === 0) throw new BadBlock("a value that is none");
  return start === end ? "" : block.toString("latin1", start, end);
}
