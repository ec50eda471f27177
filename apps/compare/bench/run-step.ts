import { isTransportError, type Transport } from "@holdfast/transport";
import { contentOf, digestOf } from "./content.ts";
import type { Step } from "./plan.ts";

/** How a step ended. The line is the same over every transport, if the transports are. */
export interface Outcome {
  readonly ended: "answered" | "cancelled" | "failed";
  readonly line: string;
}

/** Takes as long as the machine needs: a workload tells no limit of ours, and cuts none short. */
const deadlineMs = 600_000;

/** Runs one step: the application's side of the exchange. Never rejects. */
export async function runStep(transport: Transport, origin: string, step: Step, largeBytes: number): Promise<Outcome> {
  const { id, kind } = step;
  try {
    return kind.startsWith("cancel")
      ? { ended: "cancelled", line: `${id} ${kind} ${await runCancelled(transport, origin, step, largeBytes)}` }
      : { ended: "answered", line: `${id} ${kind} ${await runWhole(transport, origin, step)}` };
  } catch (error) {
    const what = isTransportError(error) ? `${error.code} ${error.delivery} ${error.message}` : String(error);
    return { ended: "failed", line: `${id} ${kind} failed: ${what}` };
  }
}

async function runWhole(transport: Transport, origin: string, { id, kind, size }: Step): Promise<string> {
  const uploads = kind === "post" || kind === "up";
  const response = await transport.request({
    url: `${origin}/${kind}/${id}/${size}`,
    method: uploads ? "POST" : "GET",
    headers: { "x-mixed": `${id % 97}` },
    // Pieces of many sizes, as an application's are; bare, so it can be sent once only.
    body: uploads ? streamed(contentOf(id, size, 512 + ((id * 31) % 65_024))) : null,
    deadlineMs,
  });
  const { status, headers } = response;
  const body = await digestOf(response.body[Symbol.asyncIterator]());
  return `${status} ${String(headers["content-type"])} ${String(headers["x-kind"])} ${body.bytes} ${body.sha256}`;
}

async function runCancelled(
  transport: Transport,
  origin: string,
  { id, kind, size }: Step,
  largeBytes: number,
): Promise<string> {
  const gaveUp = new AbortController();
  const { signal } = gaveUp;
  const reason = new Error("the application gave up");
  const request = { url: `${origin}/${kind}/${id}/${largeBytes}`, signal, deadlineMs };
  if (kind === "cancel-down") {
    const response = await transport.request(request);
    const chunks = response.body[Symbol.asyncIterator]();
    const { bytes, sha256 } = await digestOf(chunks, size);
    if (id % 2 === 0) await response.body.cancel(reason);
    else gaveUp.abort(reason);
    // What a body that the application cancelled itself says afterwards is the adapter's to choose: an end, or why.
    return `${response.status} ${bytes} ${sha256}${id % 2 === 0 ? "" : ` ${await endOf(chunks, reason)}`}`;
  }
  const pending =
    kind === "cancel-up"
      ? transport.request({
          ...request,
          method: "POST",
          body: cutOff(id, size, largeBytes, () => gaveUp.abort(reason)),
        })
      : transport.request(request);
  const end = pending.then(
    ({ status }) => `answered ${status}`,
    (error: unknown) => codeOf(error, reason),
  );
  if (kind === "cancel-waiting") {
    for (let turn = 0; turn < size; turn++) await new Promise(setImmediate);
    gaveUp.abort(reason);
  }
  return end;
}

/** How a body ends that was given up. What had come before may still be read. */
async function endOf(chunks: AsyncIterator<Uint8Array>, reason: Error): Promise<string> {
  try {
    while ((await chunks.next()).done !== true);
    return "complete";
  } catch (error) {
    return codeOf(error, reason);
  }
}

/** What an exchange that was given up says: its code, if the reason is ours. */
function codeOf(error: unknown, reason: Error): string {
  if (!isTransportError(error)) return String(error);
  return error.cause === reason ? error.code : `${error.code} ${error.delivery} ${error.message}`;
}

async function* streamed(body: Iterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield* body;
}

/** Gives up after `size` bytes, but would go on to the end. */
async function* cutOff(id: number, size: number, largeBytes: number, giveUp: () => void): AsyncGenerator<Uint8Array> {
  let sent = 0;
  for (const piece of contentOf(id, largeBytes)) {
    yield piece;
    sent += piece.byteLength;
    if (sent >= size) giveUp();
  }
}
