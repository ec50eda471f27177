import { readFileSync } from "node:fs";
import * as wire from "./wire.ts";

/** What vectors/README.md describes. */
export interface VectorFrame {
  readonly type: string | number;
  readonly stream: number;
  readonly flags: number;
  readonly fields?: readonly (readonly [name: string, value: string, times?: number])[];
  readonly text?: string;
  readonly hex?: string;
  readonly repeat?: number;
  readonly code?: number;
  readonly reason?: string;
  readonly increment?: number;
  readonly lastStream?: number;
  readonly settings?: readonly (readonly [id: number, value: number])[];
}

export interface MessageVector {
  readonly name: string;
  readonly title: string;
  readonly from: "client" | "server" | "either";
  readonly frames: readonly VectorFrame[];
}

export interface ViolationVector {
  readonly name: string;
  readonly title: string;
  readonly to: "client" | "server" | "either";
  readonly before: readonly string[];
  readonly frames?: readonly VectorFrame[];
  readonly hex?: string;
  readonly result: {
    readonly scope: "connection" | "stream" | "none";
    readonly stream?: number;
    readonly code?: number;
  };
}

export interface ConversationVector {
  readonly name: string;
  readonly title: string;
  readonly steps: readonly { readonly from: "client" | "server"; readonly frames: readonly VectorFrame[] }[];
}

export interface Vectors {
  readonly messages: readonly MessageVector[];
  readonly violations: readonly ViolationVector[];
  readonly conversations: readonly ConversationVector[];
}

export const folder: URL = new URL("../vectors/", import.meta.url);

export const vectors: Vectors = JSON.parse(readFileSync(new URL("vectors.json", folder), "utf8")) as Vectors;

/** Every message by the name of its file. */
export function messagesByFile(): ReadonlyMap<string, Buffer> {
  const files = new Map<string, Buffer>();
  for (const { name, frames } of vectors.messages) files.set(`messages/${name}.bin`, encode(frames));
  for (const { name, frames, hex } of vectors.violations) {
    files.set(`violations/${name}.bin`, frames === undefined ? Buffer.from(hex as string, "hex") : encode(frames));
  }
  for (const { name, steps } of vectors.conversations) {
    for (const [i, { from, frames }] of steps.entries()) {
      files.set(`conversations/${name}-${i + 1}-${from}.bin`, encode(frames));
    }
  }
  return files;
}

export function readVector(file: string): Buffer {
  return readFileSync(new URL(file, folder));
}

export function encode(frames: readonly VectorFrame[]): Buffer {
  return Buffer.concat(
    frames.map((frame) => wire.frame(typeOf(frame.type), frame.flags, frame.stream, payloadOf(frame))),
  );
}

export function typeOf(name: string | number): number {
  if (typeof name === "number") return name;
  const types = Object.entries(wire.type).map(([key, value]) => [key.toUpperCase(), value] as const);
  const found = types.find(([key]) => key === name);
  if (found === undefined) throw new Error(`there is no type ${name}`);
  return found[1];
}

function payloadOf({ fields, settings, increment, lastStream, code, reason, text, hex, repeat }: VectorFrame): Buffer {
  if (fields !== undefined) return wire.block(fields.map(([name, value, times = 1]) => [name, value.repeat(times)]));
  if (settings !== undefined) {
    const payload = Buffer.alloc(settings.length * 6);
    for (const [i, [id, value]] of settings.entries()) {
      payload.writeUInt16BE(id, i * 6);
      payload.writeUInt32BE(value, i * 6 + 2);
    }
    return payload;
  }
  if (increment !== undefined) return wire.numbers(increment);
  if (code !== undefined) {
    const codes = lastStream === undefined ? wire.numbers(code) : wire.numbers(lastStream, code);
    return Buffer.concat([codes, Buffer.from(reason ?? "")]);
  }
  return text === undefined
    ? Buffer.alloc(((repeat ?? 1) * (hex ?? "").length) / 2, hex ?? "", "hex")
    : Buffer.from(text);
}
