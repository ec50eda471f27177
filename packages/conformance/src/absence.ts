import assert from "node:assert/strict";
import type { Capabilities } from "@holdfast/transport";
import { rule, urlOf, type Case, type Fixture } from "./case.ts";
import { expectFailure } from "./expect-failure.ts";

/** What a transport without the capability must do when it is asked for it all the same. */
const absences: Readonly<Record<keyof Capabilities, (fixture: Fixture) => Promise<void>>> = {
  exchange: async (fixture) => {
    await using transport = await fixture.createTransport();
    await expectFailure(transport.request({ url: urlOf(fixture, "/echo") }), {
      code: "UNSUPPORTED",
      delivery: "not-sent",
    });
  },
  channel: async (fixture) => {
    await using transport = await fixture.createTransport();
    await expectFailure(transport.open({ url: urlOf(fixture, "/echo") }), {
      code: "UNSUPPORTED",
      delivery: "not-sent",
    });
  },
  requestTrailers: async (fixture) => {
    await using transport = await fixture.createTransport();
    const id = fixture.origin.control.newId();
    const request = {
      url: urlOf(fixture, "/inspect", id),
      method: "POST",
      body: "x",
      trailers: () => ({ "x-checksum": "1" }),
    };
    await expectFailure(transport.request(request), { code: "UNSUPPORTED", delivery: "not-sent" });
    assert.equal(fixture.origin.control.executions(id), 0);
  },
  responseTrailers: async (fixture) => {
    await using transport = await fixture.createTransport();
    const response = await transport.request({ url: urlOf(fixture, "/trailers") });
    await response.body.text();
    assert.deepEqual(Object.keys(await response.trailers), []);
  },
  informational: async (fixture) => {
    await using transport = await fixture.createTransport();
    const onInformational = (): void => assert.fail("onInformational was called");
    const response = await transport.request({ url: urlOf(fixture, "/hints"), onInformational });
    assert.equal(await response.body.text(), "hinted");
  },
  push: async (fixture) => {
    await using transport = await fixture.createTransport();
    const onPush = (): void => assert.fail("onPush was called");
    const response = await transport.request({ url: urlOf(fixture, "/bytes/1"), onPush });
    assert.equal((await response.body.bytes()).byteLength, 1);
  },
  // There is nothing to ask for: the exchange below only shows that it works without.
  multiplexed: async (fixture) => {
    await using transport = await fixture.createTransport();
    const response = await transport.request({ url: urlOf(fixture, "/bytes/1") });
    assert.equal((await response.body.bytes()).byteLength, 1);
  },
  duplex: async (fixture) => {
    await using transport = await fixture.createTransport();
    const response = await transport.request({ url: urlOf(fixture, "/echo"), method: "POST", body: "whole" });
    assert.equal(await response.body.text(), "whole");
  },
};

/** The case, or what takes its place where the transport lacks what it requires. */
export function caseFor(original: Case, capabilities: Capabilities): Case {
  const [missing] = missingFor(original, capabilities);
  if (missing === undefined) return original;
  return rule(
    original.id,
    `no ${missing}: instead of "${original.title}", asking for it changes nothing or is UNSUPPORTED`,
    absences[missing],
  );
}

/** What the case requires and the transport lacks. */
export function missingFor({ requires }: Case, capabilities: Capabilities): (keyof Capabilities)[] {
  return requires.filter((capability) => !capabilities[capability]);
}
