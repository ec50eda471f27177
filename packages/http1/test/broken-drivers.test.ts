import { allCases, type CaseResult, http1Origin, runCases } from "@holdfast/conformance";
import { authority, certificate } from "@holdfast/conformance/hostile";
import { type ConnectionOwner, type Driver, type Exchange, pooledTransport } from "@holdfast/pool";
import type { Transport } from "@holdfast/transport";
import { describe, expect, it, onTestFinished } from "vitest";
import { http1 } from "../src/index.ts";
import { parseHttp1Options } from "../src/options.ts";
import { http1Driver } from "../src/pool.ts";

interface Defect {
  readonly notices: string;
  readonly instead: string;
  readonly breaks: (sound: Driver) => Driver;
}

/** What `owner` is told, save what `altered` says. */
function told(owner: ConnectionOwner, altered: Partial<ConnectionOwner>): ConnectionOwner {
  return {
    freed: () => owner.freed(),
    capacityIs: (capacity) => owner.capacityIs(capacity),
    keepAlive: (hint) => owner.keepAlive(hint),
    drains: (reason) => owner.drains(reason),
    closed: (error) => owner.closed(error),
    ...altered,
  };
}

/** In the driver's hands a place can be lost, or a dial forgotten, and each exchange alone still ends well. */
const defects: Readonly<Record<string, Defect>> = {
  "keeps the place of a body that was given up and read to its end": {
    notices: "places/given-up-2",
    instead: "stats() shows nothing in flight",
    breaks: (sound) => ({
      ...sound,
      dial: (target, owner, timeoutMs, push) => {
        let givenUp = false;
        const freed = (): void => (givenUp ? undefined : owner.freed());
        const { opened, ...dial } = sound.dial(target, told(owner, { freed }), timeoutMs, push);
        const watched = opened.then((connection) => {
          const run = connection.run.bind(connection);
          connection.run = (exchange: Exchange): void => {
            const attach = exchange.attach.bind(exchange);
            exchange.attach = (attempt): void => {
              const discard = attempt.discard.bind(attempt);
              attempt.discard = (reason): void => {
                givenUp = true;
                discard(reason);
              };
              attach(attempt);
            };
            run(exchange);
          };
          return connection;
        });
        return { ...dial, opened: watched };
      },
    }),
  },
  "does not cancel a dial": {
    notices: "silence/destroy",
    instead: "destroy()",
    breaks: (sound) => ({
      ...sound,
      dial: (...args) => {
        const dial = sound.dial(...args);
        onTestFinished(() => dial.cancel(new Error("the test is over")));
        return { phase: "secure", opened: dial.opened, cancel: () => {} };
      },
    }),
  },
};

const ca = authority();
const tls = certificate({ ip: ["127.0.0.1"] }, ca);

async function run(id: string, breaks?: Defect["breaks"]): Promise<CaseResult | undefined> {
  const origin = await http1Origin({ tls });
  onTestFinished(() => origin.close());
  const [result] = await runCases(
    allCases.filter((one) => one.id === id),
    {
      origin,
      traits: { sockets: true },
      createTransport: ({ maxConcurrent, ...more } = {}): Transport => {
        const places = maxConcurrent === undefined ? {} : { maxConnections: maxConcurrent };
        const options = { ...more, ...places, tls: { ca: ca.cert } };
        if (breaks === undefined) return http1(options);
        const parsed = parseHttp1Options(options);
        const { capabilities } = http1();
        const facts = { vendor: "broken", capabilities, schemes: ["http:", "https:"] };
        return pooledTransport(breaks(http1Driver(parsed)), parsed.pool, facts);
      },
    },
    breaks === undefined ? {} : { maxCaseMs: 1_500 },
  );
  return result;
}

describe("the suite notices a driver that", () => {
  it.each(Object.entries(defects))("%s", async (_, { notices, instead, breaks }) => {
    expect(await run(notices)).toMatchObject({ status: "passed" });
    const broken = await run(notices, breaks);
    expect(broken).toMatchObject({ status: "failed" });
    expect(String(broken?.error)).toContain(instead);
  });
});
