import { createHash } from "node:crypto";
import type { Fields } from "@holdfast/transport";
import { pattern } from "../pattern.ts";
import type { Control } from "./control.ts";
import type { OriginHandler, OriginRequest, OriginResponse } from "./origin.ts";

/** What `/inspect` answers: the request as it arrived. */
export interface Inspection {
  readonly method: string;
  readonly path: string;
  readonly headers: Fields;
  readonly trailers: Fields;
  readonly bodyBytes: number;
  readonly sha256: string;
}

type Answer = (request: OriginRequest, control: Control, argument: string) => OriginResponse | Promise<OriginResponse>;

/**
 * One application for every protocol. `?id=` names an exchange to {@link Control}, and the gate that it waits at; sizes are
 * decimal bytes.
 *
 * | path | answers |
 * | --- | --- |
 * | `/echo` | the request body, as it comes |
 * | `/inspect` | the request as JSON |
 * | `/status/204` | that status, no body |
 * | `/bytes/1000` | a pattern with its length; `?length=no` without; `?chunk=1` in chunks of that size |
 * | `/fields` | awkward header fields |
 * | `/many-fields/200` | "many", with so many header fields; `?trailers=yes` with so many trailers instead |
 * | `/gate` | "open", when the gate opens; the request body is read after that |
 * | `/half` | "first", and "last" when the gate opens; `?length=yes` with its length |
 * | `/cut/10` | 10 bytes of a longer body, then it breaks off; `?length=no` without a content-length |
 * | `/no-answer` | nothing, once the request body was read |
 * | `/trailers` | as `/half` (a gate only if there is an id), with trailers |
 * | `/hints` | two 103 heads, then "hinted" |
 * | `/early` | 413, without reading the request body |
 */
const answers: Readonly<Record<string, Answer>> = {
  echo: ({ body, headers, url }, control) => ({
    headers: { "content-type": headers["content-type"] ?? "application/octet-stream" },
    body: thenNoteWhole(body, url, control),
  }),
  inspect: async (request, control) => {
    const hash = createHash("sha256");
    let bodyBytes = 0;
    for await (const chunk of request.body) {
      hash.update(chunk);
      bodyBytes += chunk.byteLength;
    }
    control.noteWhole(request.url.searchParams.get("id"));
    const { method, url, headers } = request;
    const seen: Inspection = {
      method,
      path: url.pathname + url.search,
      headers,
      trailers: await request.trailers,
      bodyBytes,
      sha256: hash.digest("hex"),
    };
    return { headers: { "content-type": "application/json" }, body: JSON.stringify(seen) };
  },
  status: (_, __, code) => ({ status: Number(code), headers: { "x-status": code } }),
  bytes: ({ url }, _, size) => {
    const chunk = Number(url.searchParams.get("chunk") ?? 65_536);
    const withLength = url.searchParams.get("length") !== "no";
    return { headers: withLength ? { "content-length": size } : {}, body: chunks(Number(size), chunk) };
  },
  fields: () => {
    const headers = { __proto__: null } as unknown as Record<string, string | string[]>;
    headers["Set-Cookie"] = ["a=1; Path=/", "b=2, still b"];
    headers["X-Mixed-Case"] = "Kept As Is";
    headers["x-many"] = ["one", "two"];
    headers["constructor"] = "a field";
    headers["__proto__"] = "a field too";
    headers["x-empty"] = "";
    return { headers, body: "" };
  },
  "many-fields": ({ url }, _, count) => {
    const fields = Object.fromEntries(Array.from({ length: Number(count) }, (_, index) => [`x-${index}`, "1"]));
    return url.searchParams.has("trailers")
      ? { body: "many", trailers: () => fields }
      : { headers: fields, body: "many" };
  },
  gate: async ({ url, body, signal }, control) => {
    await control.gate(idOf(url), signal);
    for await (const _ of body);
    return { body: "open" };
  },
  half: ({ url, signal }, control) => ({
    headers: url.searchParams.has("length") ? { "content-length": "9" } : {},
    body: half(control.gate(idOf(url), signal)),
  }),
  cut: ({ url }, _, size) => ({
    headers: url.searchParams.get("length") === "no" ? {} : { "content-length": String(Number(size) + 1_000) },
    body: cut(Number(size)),
  }),
  "no-answer": async ({ body }) => {
    for await (const _ of body);
    throw new Error("asked not to answer");
  },
  trailers: ({ url, signal }, control) => {
    const gate = url.searchParams.has("id") ? control.gate(idOf(url), signal) : Promise.resolve();
    return { body: half(gate), trailers: () => ({ "x-checksum": "abc", "x-second": "2" }) };
  },
  hints: ({ informational }) => {
    informational(103, { link: "</a.css>; rel=preload" });
    informational(103, { link: "</b.css>; rel=preload" });
    return { body: "hinted" };
  },
  early: () => ({ status: 413, body: "too much" }),
};

/** The application, noting to `control` what it sees. */
export function application(control: Control): OriginHandler {
  return async (request) => {
    const { url, signal } = request;
    const [, name = "", argument = ""] = url.pathname.split("/");
    const id = url.searchParams.get("id");
    const onLeave = (): void => {
      control.noteDeparture(id);
      end();
    };
    let open = true;
    const end = (): void => {
      if (!open) return;
      open = false;
      signal.removeEventListener("abort", onLeave);
      control.noteEnd();
    };
    control.noteArrival(id);
    signal.addEventListener("abort", onLeave);
    try {
      const answer = Object.hasOwn(answers, name) ? answers[name] : undefined;
      const response =
        answer === undefined ? { status: 404, body: "no such path" } : await answer(request, control, argument);
      const body = noted(response.body, (bytes) => control.noteSent(id, bytes), end);
      return { ...response, body };
    } catch (error) {
      end();
      throw error;
    }
  };
}

/** The body as it comes. Its end is the request's: the client has said that this was all. */
async function* thenNoteWhole(
  body: AsyncIterable<Uint8Array>,
  url: URL,
  control: Control,
): AsyncGenerator<Uint8Array, void, void> {
  yield* body;
  control.noteWhole(url.searchParams.get("id"));
}

/** The same body; calls `sent` for each chunk and `over` once, also if nobody ever reads it. */
function noted(
  body: OriginResponse["body"],
  sent: (bytes: number) => void,
  over: () => void,
): AsyncIterable<Uint8Array> {
  const source = body === undefined || typeof body === "string" || body instanceof Uint8Array ? oneChunk(body) : body;
  return {
    [Symbol.asyncIterator]: () => {
      const iterator = source[Symbol.asyncIterator]();
      return {
        next: async () => {
          try {
            const result = await iterator.next();
            if (result.done === true) over();
            else sent(result.value.byteLength);
            return result;
          } catch (error) {
            over();
            throw error;
          }
        },
        return: async () => {
          over();
          await iterator.return?.();
          return { done: true, value: undefined };
        },
      };
    },
  };
}

async function* oneChunk(body: string | Uint8Array | undefined): AsyncGenerator<Uint8Array, undefined> {
  if (body !== undefined && body.length > 0) yield typeof body === "string" ? Buffer.from(body) : body;
}

async function* chunks(size: number, chunkBytes: number): AsyncGenerator<Uint8Array, undefined> {
  for (let offset = 0; offset < size; offset += chunkBytes) yield pattern(Math.min(chunkBytes, size - offset), offset);
}

function half(gate: Promise<void>): AsyncIterable<Uint8Array> {
  // The client may leave before anybody reads.
  gate.catch(() => {});
  return (async function* () {
    yield Buffer.from("first");
    await gate;
    yield Buffer.from("last");
  })();
}

async function* cut(size: number): AsyncGenerator<Uint8Array, undefined> {
  if (size > 0) yield pattern(size);
  throw new Error("asked to break off");
}

function idOf(url: URL): string {
  const id = url.searchParams.get("id");
  if (id === null) throw new Error(`${url.pathname} needs an id`);
  return id;
}
