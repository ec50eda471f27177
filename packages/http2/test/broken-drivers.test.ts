import { allCases, type CaseResult, http2Origin, runCases } from "@holdfast/conformance";
import { http2Hostile } from "@holdfast/conformance/hostile";
import { type ConnectionOwner, type Driver, type Exchange, pooledTransport } from "@holdfast/pool";
import type { Transport } from "@holdfast/transport";
import { describe, expect, it, onTestFinished } from "vitest";
import { http2 } from "../src/index.ts";
import { parseHttp2Options } from "../src/options.ts";
import { http2Driver } from "../src/sessions.ts";

/** A driver that does not tell that a place is free again when what was in it was refused. */
function forgetful(sound: Driver): Driver {
  return {
    ...sound,
    dial: (target, owner, timeoutMs, push) => {
      let refused = 0;
      const lossy: ConnectionOwner = {
        freed: () => (refused-- > 0 ? undefined : owner.freed()),
        capacityIs: (capacity) => owner.capacityIs(capacity),
        keepAlive: (hint) => owner.keepAlive(hint),
        drains: (reason) => owner.drains(reason),
        closed: (error) => owner.closed(error),
      };
      const { opened, ...dial } = sound.dial(target, lossy, timeoutMs, push);
      const watched = opened.then((connection) => {
        const run = connection.run.bind(connection);
        connection.run = (exchange: Exchange): void => {
          const fail = exchange.fail.bind(exchange);
          exchange.fail = (failure): void => {
            refused = failure.refused === true ? 1 : 0;
            fail(failure);
          };
          run(exchange);
        };
        return connection;
      });
      return { ...dial, opened: watched };
    },
  };
}

/** A driver that tells too late that a connection takes nothing new: what was put back is given to it again. */
function late(sound: Driver): Driver {
  return {
    ...sound,
    dial: (target, owner, timeoutMs, push) =>
      sound.dial(
        target,
        {
          freed: () => owner.freed(),
          capacityIs: (capacity) => owner.capacityIs(capacity),
          keepAlive: (hint) => owner.keepAlive(hint),
          drains: (reason) => void setImmediate(() => owner.drains(reason)),
          closed: (error) => owner.closed(error),
        },
        timeoutMs,
        push,
      ),
  };
}

/** A driver whose dials nobody can cancel: SETTINGS that never come are waited for. */
function stubborn(sound: Driver): Driver {
  return {
    ...sound,
    dial: (...args) => {
      const dial = sound.dial(...args);
      onTestFinished(() => dial.cancel(new Error("the test is over")));
      return { phase: "secure", opened: dial.opened, cancel: () => {} };
    },
  };
}

/** A driver whose connections keep the process alive, used or not. */
function clinging(sound: Driver): Driver {
  return {
    ...sound,
    dial: (...args) => {
      const { opened, ...dial } = sound.dial(...args);
      const held = opened.then((connection) => {
        const hold = connection.hold.bind(connection);
        connection.hold = () => hold(true);
        return connection;
      });
      return { ...dial, opened: held };
    },
  };
}

async function run(id: string, breaks?: (sound: Driver) => Driver): Promise<CaseResult | undefined> {
  const origin = await http2Origin();
  onTestFinished(() => origin.close());
  const [result] = await runCases(
    allCases.filter((one) => one.id === id),
    {
      origin,
      hostile: http2Hostile(),
      traits: { sockets: true },
      createTransport: ({ maxConcurrent, ...more } = {}): Transport => {
        const places = maxConcurrent === undefined ? {} : { maxConnections: 1, maxStreams: maxConcurrent };
        const options = { ...more, ...places };
        if (breaks === undefined) return http2(options);
        const parsed = parseHttp2Options(options);
        const { capabilities } = http2();
        const facts = { vendor: "broken", capabilities, schemes: ["http:", "https:"] };
        return pooledTransport(breaks(http2Driver(parsed)), parsed.pool, facts);
      },
    },
    breaks === undefined ? {} : { maxCaseMs: 1_500 },
  );
  return result;
}

describe("the suite notices a driver that", () => {
  it.each([
    ["keeps the process alive while it is idle", "leaks/idle-holds", "see hold() of the driver", clinging],
    [
      "keeps the place of what was refused",
      "places/refused",
      "what was refused arrives again, which it was not after",
      forgetful,
    ],
    ["tells that it drains after what was on it failed", "goodbyes/covers-none", "TransportError: exchange with", late],
    ["does not cancel a dial", "silence/destroy", "destroy()", stubborn],
  ] as const)("%s", async (_, notices, instead, breaks) => {
    expect(await run(notices)).toMatchObject({ status: "passed" });
    const broken = await run(notices, breaks);
    expect(broken).toMatchObject({ status: "failed" });
    expect(String(broken?.error)).toContain(instead);
  });
});
