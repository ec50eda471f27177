import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { type FakeAttempt } from "./fake-driver.ts";
import { current, type Fixture, newPool, turn, url } from "./pool-fixture.ts";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

/** Answered with a head whose response nobody keeps. */
async function throwAway({ pool, driver }: Fixture): Promise<FakeAttempt> {
  const answered = pool.request({ url }).then(() => {});
  for (const dial of driver.pending) dial.open();
  await turn();
  const attempt = current(driver).send();
  attempt.head();
  await answered;
  return attempt;
}

/** Collects until `done`, or for as often as should have been enough. */
async function collectUntil(done: () => boolean): Promise<void> {
  for (let i = 0; i < 100 && !done(); i++) {
    collect();
    await turn();
  }
}

describe("a response", () => {
  it("that is thrown away unread gives its lease back, is counted, and warns once", async () => {
    const fixture = newPool({ maxConnections: 1 });
    const warnings: Error[] = [];
    const listener = (warning: Error): void => void warnings.push(warning);
    process.on("warning", listener);
    try {
      for (let i = 1; i <= 2; i++) {
        const attempt = await throwAway(fixture);
        await collectUntil(() => fixture.pool.stats().totals.responsesLeaked === i);
        expect(attempt.discarded).toBeDefined();
        expect(fixture.pool.stats().totals).toMatchObject({ responsesLeaked: i, exchangesEnded: i });
        expect(fixture.pool.stats().connections.idle).toBe(1);
      }
      await turn();
    } finally {
      process.off("warning", listener);
    }
    expect(warnings.map(({ name }) => name)).toEqual(["HoldfastWarning"]);
    expect(warnings[0]?.message).toContain("GET http://a.example");
    await fixture.pool.close();
  });

  it("that is held, or being read, is left alone", async () => {
    const fixture = newPool();
    const held = fixture.pool.request({ url });
    fixture.driver.last.open();
    await turn();
    current(fixture.driver).send().head();
    const response = await held;
    for (let i = 0; i < 5; i++) {
      collect();
      await turn();
    }
    const reading = response.body.text();
    for (let i = 0; i < 5; i++) {
      collect();
      await turn();
    }
    const attempt = current(fixture.driver);
    attempt.data("whole");
    attempt.end();
    expect(await reading).toBe("whole");
    expect(fixture.pool.stats().totals.responsesLeaked).toBe(0);
    await fixture.pool.close();
  });

  it("whose iterator or stream is all that is left of it is left alone", async () => {
    const fixture = newPool({ maxConnections: 2 });
    const readers: { read: () => Promise<unknown> }[] = [];
    for (const kind of ["iterator", "stream"] as const) {
      const asked = fixture.pool.request({ url }).then((response) => {
        if (kind === "iterator") {
          const iterator = response.body[Symbol.asyncIterator]();
          readers.push({ read: () => iterator.next() });
        } else {
          const reader = response.body.stream().getReader();
          readers.push({ read: () => reader.read() });
        }
      });
      for (const dial of fixture.driver.pending) dial.open();
      await turn();
      fixture.driver.running.at(-1)?.send().head();
      await asked;
    }
    for (let i = 0; i < 10; i++) {
      collect();
      await turn();
    }
    for (const attempt of fixture.driver.running) attempt.data("x");
    for (const { read } of readers) expect(await read()).toMatchObject({ done: false });
    expect(fixture.pool.stats().totals.responsesLeaked).toBe(0);
    await fixture.pool.destroy();
  });
});
