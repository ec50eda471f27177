import { ack, frames, setting, uint } from "@holdfast/conformance/hostile";
import { describe, expect, it } from "vitest";
import { SendWindows } from "../src/hostile/send-windows.ts";

const initialWindow = (bytes: number): Buffer => Buffer.concat([uint(setting.windowBytes, 2), uint(bytes, 4)]);
const update = (stream: number, bytes: number) => ({
  type: frames.windowUpdate,
  flags: 0,
  stream,
  payload: uint(bytes, 4),
});
const settings = (payload: Buffer, flags = 0) => ({ type: frames.settings, flags, stream: 0, payload });

describe("the windows that a client gives", () => {
  it("are 65 535 bytes for a stream and for the session, until it says otherwise", () => {
    const windows = new SendWindows();
    expect(windows.room(1)).toBe(65_535);
    windows.sent(1, 60_000);
    expect([windows.room(1), windows.room(3)]).toEqual([5_535, 5_535]);
  });

  it("grow by what is given back, each for itself", () => {
    const windows = new SendWindows();
    windows.sent(1, 65_535);
    windows.received(update(0, 100_000));
    expect([windows.room(1), windows.room(3)]).toEqual([0, 65_535]);
    windows.received(update(1, 10));
    expect(windows.room(1)).toBe(10);
  });

  it("change for the streams that are open when SETTINGS change them, and are never less than none", () => {
    const windows = new SendWindows();
    windows.received(update(0, 1_000_000));
    windows.sent(1, 1_000);
    windows.received(settings(initialWindow(500)));
    expect([windows.room(1), windows.room(3)]).toEqual([0, 500]);
    windows.received(settings(initialWindow(200_000)));
    expect([windows.room(1), windows.room(3)]).toEqual([199_000, 200_000]);
    windows.received(settings(Buffer.alloc(0), ack));
    expect(windows.room(3)).toBe(200_000);
  });
});
