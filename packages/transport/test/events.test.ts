import { channel } from "node:diagnostics_channel";
import { describe, expect, it } from "vitest";
import { events, type ConnectionEvent } from "../src/events.ts";

describe("events", () => {
  it("are diagnostics channels of the names that the contract gives", () => {
    expect(Object.fromEntries(Object.entries(events).map(([key, { name }]) => [key, name]))).toEqual({
      exchangeQueue: "holdfast:exchange:queue",
      exchangeStart: "holdfast:exchange:start",
      exchangeHead: "holdfast:exchange:head",
      exchangeEnd: "holdfast:exchange:end",
      exchangeFail: "holdfast:exchange:fail",
      retry: "holdfast:retry",
      connectionDial: "holdfast:connection:dial",
      connectionOpen: "holdfast:connection:open",
      connectionDrain: "holdfast:connection:drain",
      connectionClose: "holdfast:connection:close",
    });
    for (const event of Object.values(events)) expect(event).toBe(channel(event.name));
  });

  it("reach who subscribed by name, unchanged, until it unsubscribes", () => {
    const event: ConnectionEvent = {
      connection: "h2-1",
      origin: "https://a.example",
      "server.address": "a.example",
      "server.port": 443,
      "network.protocol.name": "http",
    };
    const seen: unknown[] = [];
    const listener = (message: unknown): void => void seen.push(message);
    const subscribed = channel("holdfast:connection:dial");
    expect(events.connectionDial.hasSubscribers).toBe(false);
    subscribed.subscribe(listener);
    expect(events.connectionDial.hasSubscribers).toBe(true);
    expect(events.connectionOpen.hasSubscribers).toBe(false);
    events.connectionDial.publish(event);
    subscribed.unsubscribe(listener);
    expect(events.connectionDial.hasSubscribers).toBe(false);
    events.connectionDial.publish(event);
    expect(seen).toHaveLength(1);
    expect(seen[0]).toBe(event);
  });
});
