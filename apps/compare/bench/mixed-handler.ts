import { contentOf, digestOf } from "./content.ts";

/** What the server's side knows of a run. */
export interface Ledger {
  /** How often each exchange reached the handler; by id. */
  readonly executed: Readonly<Record<string, number>>;
  /** Requests whose signal told that nobody waits for the answer any more. */
  readonly abandoned: number;
  /** What the server's `onError` was told: nothing, if it is as it has to be. */
  readonly errors: readonly string[];
}

export interface MixedHandler {
  /** The application: one function, whatever carries its requests. */
  readonly fetch: (request: Request) => Promise<Response>;
  readonly onError: (error: unknown) => void;
  /** Settles when no request is being answered any more, and begins anew. */
  take(): Promise<Ledger>;
}

/** Answers `/KIND/ID/SIZE` as the steps of {@link planMix} ask, and writes down what it executes. */
export function mixedHandler(): MixedHandler {
  /** Until the handler is done, and its answer was read to the end or cancelled. Nothing here keeps a request alive. */
  let underWay = 0;
  let executed: Record<string, number> = {};
  let abandoned = 0;
  let errors: string[] = [];
  let idle = Promise.withResolvers<void>();
  const over = (): void => {
    underWay -= 1;
    if (underWay === 0) idle.resolve();
  };
  return {
    fetch: async (request) => {
      const [, kind = "", id = "", size = ""] = new URL(request.url).pathname.split("/");
      executed[id] = (executed[id] ?? 0) + 1;
      request.signal.addEventListener("abort", () => (abandoned += 1), { once: true });
      underWay += 1;
      if (kind === "down" || kind === "cancel-down") {
        const content = contentOf(Number(id), Number(size));
        return new Response(streamed(content, over));
      }
      try {
        if (kind === "cancel-waiting") await aborted(request.signal);
        return await describe(request, kind, id);
      } finally {
        over();
      }
    },
    onError: (error) => void errors.push(String(error)),
    take: async () => {
      if (underWay > 0) {
        idle = Promise.withResolvers();
        await idle.promise;
      }
      const taken = { executed, abandoned, errors };
      executed = {};
      abandoned = 0;
      errors = [];
      return taken;
    },
  };
}

/** Says what was received, so that equal answers prove equal requests. */
async function describe({ method, headers, body }: Request, kind: string, id: string): Promise<Response> {
  const received = body === null ? null : await digestOf(body[Symbol.asyncIterator]());
  const answer = { kind, id, method, mixed: headers.get("x-mixed"), received };
  return Response.json(answer, { status: Number(id) % 10 === 0 ? 404 : 200, headers: { "x-kind": kind } });
}

/** Pulled only as the client reads. `over` is called when it was read to its end, or cancelled, be it before the first pull. */
function streamed(content: Iterator<Uint8Array>, over: () => void): ReadableStream<Uint8Array> {
  const pull = (controller: ReadableStreamDefaultController<Uint8Array>): void => {
    const { done, value } = content.next();
    if (done !== true) return controller.enqueue(value);
    over();
    controller.close();
  };
  return new ReadableStream({ pull, cancel: over }, { highWaterMark: 0 });
}

/** Never answers: rejects when the client has gone. */
function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const gone = (): void => reject(signal.reason as Error);
    if (signal.aborted) gone();
    else signal.addEventListener("abort", gone, { once: true });
  });
}
