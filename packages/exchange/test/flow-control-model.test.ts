import type { ServedRequest } from "@holdfast/exchange";
import fc from "fast-check";
import { expect, describe, it } from "vitest";
import { answering, asking, unsettled, url } from "./ends.ts";
import { turn, until } from "./mux-peer.ts";
import * as wire from "./wire.ts";

const { type } = wire;
const numRuns = Math.ceil(Number(process.env["FUZZ_RUNS"] ?? 500) / 5);
const limitMs = 30_000 + numRuns * 200;

/** What a peer has given, and what of it was used. */
class Credit {
  left: number;

  constructor(first: number) {
    this.left = first;
  }

  use(bytes: number): void {
    this.left -= bytes;
    if (this.left < 0) throw new Error(`${-this.left} octets without credit`);
  }
}

const id = fc.constantFrom(0, 1, 2, 3);
const giving = fc.oneof(
  fc.record({ does: fc.constant("open" as const), stream: id, bytes: fc.constantFrom(0, 1, 20_000, 70_000, 300_000) }),
  fc.record({ does: fc.constant("window" as const), stream: id, bytes: fc.integer({ min: 1, max: 60_000 }) }),
  fc.record({ does: fc.constant("connection" as const), stream: id, bytes: fc.integer({ min: 1, max: 60_000 }) }),
  fc.record({ does: fc.constant("settings" as const), stream: id, bytes: fc.integer({ min: 0, max: 50_000 }) }),
  fc.record({ does: fc.constant("reset" as const), stream: id, bytes: fc.constant(0) }),
  fc.record({ does: fc.constant("wait" as const), stream: id, bytes: fc.integer({ min: 1, max: 4 }) }),
);

describe("a sender", () => {
  it(
    "never sends beyond its credit, and sends all of it once it may",
    async () => {
      const property = fc.asyncProperty(fc.array(giving, { maxLength: 40, size: "max" }), async (steps) => {
        const { end, peer } = unsettled(({ url: { pathname } }) => ({ body: Buffer.alloc(Number(pathname.slice(1))) }));
        let windows = { stream: 65_536, connection: 65_536 };
        const connection = new Credit(65_536);
        const streams = new Map<number, { readonly credit: Credit; readonly bytes: number; reset: boolean }>();
        let read = 0;
        // What was given must have been given before it is used: frames are looked at in their order.
        const check = (): void => {
          for (; read < peer.frames.length; read++) {
            const { type: of, stream, payload } = peer.frames[read] as (typeof peer.frames)[number];
            if (of !== type.data) continue;
            connection.use(payload.byteLength);
            streams.get(stream)?.credit.use(payload.byteLength);
          }
        };
        peer.send(wire.settings());
        for (const { does, stream: pick, bytes } of steps) {
          check();
          const stream = 2 * pick + 1;
          const known = streams.get(stream);
          if (does === "open" && known === undefined && [...streams.keys()].every((other) => other < stream)) {
            streams.set(stream, { credit: new Credit(windows.stream), bytes, reset: false });
            peer.send(wire.ask(stream, wire.end, [], `/${bytes}`));
          } else if (does === "window" && known !== undefined) {
            known.credit.left += bytes;
            peer.send(wire.window(stream, bytes));
          } else if (does === "connection") {
            connection.left += bytes;
            peer.send(wire.window(0, bytes));
          } else if (does === "settings") {
            windows = { stream: windows.stream + bytes, connection: windows.connection + 2 * bytes };
            connection.left += 2 * bytes;
            for (const { credit } of streams.values()) credit.left += bytes;
            peer.send(wire.settings({ 1: windows.stream, 2: windows.connection }));
          } else if (does === "reset" && known !== undefined && !known.reset) {
            known.reset = true;
            peer.send(wire.reset(stream, 7));
          } else if (does === "wait") for (let turns = 0; turns < bytes; turns++) await turn();
        }
        for (const [stream, { credit }] of streams) {
          credit.left += 2 ** 24;
          peer.send(wire.window(stream, 2 ** 24));
        }
        await turn();
        connection.left += 2 ** 24;
        peer.send(wire.window(0, 2 ** 24));
        await peer.quiet();
        check();
        for (const [stream, { bytes, reset }] of streams) if (!reset) expect(peer.bytes(stream)).toBe(bytes);
        peer.close();
        await end.closed;
      });
      await fc.assert(property, { numRuns });
    },
    limitMs,
  );
});

const taking = fc.oneof(
  fc.record({ does: fc.constant("send" as const), stream: id, bytes: fc.integer({ min: 1, max: 16_384 }) }),
  fc.record({ does: fc.constant("send" as const), stream: id, bytes: fc.constant(16_384) }),
  fc.record({ does: fc.constant("read" as const), stream: id, bytes: fc.integer({ min: 1, max: 200_000 }) }),
  fc.record({ does: fc.constant("wait" as const), stream: id, bytes: fc.integer({ min: 1, max: 3 }) }),
);

interface Upload {
  readonly chunks: AsyncIterator<Uint8Array>;
  read: number;
}

describe("a receiver", () => {
  it(
    "gives back what was read, never more than the window, and never ends a peer that keeps to it",
    async () => {
      const window = 2 ** 17;
      const property = fc.asyncProperty(fc.array(taking, { maxLength: 80, size: "max" }), async (steps) => {
        const uploads = new Map<number, Upload>();
        const { end, peer } = answering(
          ({ body, url: { pathname } }: ServedRequest) => {
            uploads.set(Number(pathname.slice(1)), { chunks: body[Symbol.asyncIterator](), read: 0 });
            return new Promise(() => {});
          },
          { windows: { streamBytes: window, connectionBytes: window } },
        );
        const ids = [1, 3, 5, 7];
        for (const stream of ids) peer.send(wire.ask(stream, 0, [], `/${stream}`, "POST"));
        await until("all are open", () => uploads.size === ids.length);
        const sent = new Map(ids.map((stream) => [stream, 0]));
        const given = (stream: number): number =>
          peer.of(type.window, stream).reduce((sum, { payload }) => sum + payload.readUInt32BE(), window);
        const total = (): number => [...sent.values()].reduce((sum, bytes) => sum + bytes, 0);
        const send = (stream: number, wanted: number): number => {
          const bytes = Math.min(wanted, given(stream) - (sent.get(stream) ?? 0), given(0) - total());
          if (bytes > 0) peer.send(wire.data(stream, bytes));
          sent.set(stream, (sent.get(stream) ?? 0) + Math.max(0, bytes));
          return bytes;
        };
        const read = async (stream: number, wanted: number): Promise<void> => {
          const upload = uploads.get(stream) as Upload;
          await peer.quiet();
          for (let bytes = 0; bytes < wanted && upload.read < (sent.get(stream) ?? 0);) {
            const { value } = await upload.chunks.next();
            bytes += (value as Uint8Array).byteLength;
            upload.read += (value as Uint8Array).byteLength;
          }
        };
        const check = (): void => {
          expect(peer.ending).toBeUndefined();
          for (const stream of ids) {
            // Its buffer takes 64 KiB, and a frame, before it is full: those count as taken.
            expect(given(stream) - (uploads.get(stream) as Upload).read).toBeLessThanOrEqual(window + 65_536 + 16_384);
          }
          expect(given(0) - total()).toBeLessThanOrEqual(window);
        };
        for (const { does, stream: pick, bytes } of steps) {
          const stream = 2 * pick + 1;
          if (does === "send") send(stream, bytes);
          else if (does === "read") await read(stream, bytes);
          else for (let turns = 0; turns < bytes; turns++) await turn();
          check();
        }
        // Once all is read there is credit again on each, and it goes on.
        for (const stream of ids) {
          await read(stream, Infinity);
          await peer.quiet();
          expect(send(stream, 16_384)).toBe(16_384);
          await read(stream, Infinity);
        }
        check();
        peer.destroy();
        await end.closed;
      });
      await fc.assert(property, { numRuns });
    },
    limitMs,
  );

  it(
    "at the asking end does so too",
    async () => {
      const window = 2 ** 17;
      const property = fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 16_384 }), { minLength: 20, maxLength: 60 }),
        async (sizes) => {
          const { transport, peer } = asking({ windows: { streamBytes: window, connectionBytes: window } });
          const pending = transport.request({ url });
          await until("it is asked", () => peer().of(type.headers).length === 1);
          peer().send(wire.answer(1, 0));
          const { body } = await pending;
          const chunks = body[Symbol.asyncIterator]();
          let sent = 0;
          let read = 0;
          const given = (stream: number): number =>
            peer()
              .of(type.window, stream)
              .reduce((sum, { payload }) => sum + payload.readUInt32BE(), window);
          for (const size of sizes) {
            while (Math.min(given(0), given(1)) - sent < size) {
              expect(read).toBeLessThan(sent);
              read += (await chunks.next()).value?.byteLength ?? 0;
              await peer().quiet();
            }
            peer().send(wire.data(1, size));
            sent += size;
            await turn();
          }
          peer().send(wire.data(1, "", wire.end));
          for (let done = false; !done;) {
            const next = await chunks.next();
            done = next.done === true;
            read += next.value?.byteLength ?? 0;
          }
          expect(read).toBe(sent);
          await transport.close();
        },
      );
      await fc.assert(property, { numRuns: Math.ceil(numRuns / 2) });
    },
    limitMs,
  );
});
