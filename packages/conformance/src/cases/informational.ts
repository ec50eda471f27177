import assert from "node:assert/strict";
import { rule, urlOf, type Case } from "../case.ts";
import { expectFailure } from "../expect-failure.ts";

/** 1xx heads. */
export const informationalCases: readonly Case[] = [
  rule(
    "informational/hints",
    "1xx heads reach onInformational in order, before the response",
    async (fixture) => {
      await using transport = await fixture.createTransport();
      const order: string[] = [];
      const response = await transport.request({
        url: urlOf(fixture, "/hints"),
        onInformational: ({ status, headers }) => void order.push(`${status} ${String(headers["link"])}`),
      });
      order.push(`${response.status}`);
      assert.deepEqual(order, ["103 </a.css>; rel=preload", "103 </b.css>; rel=preload", "200"]);
      assert.equal(await response.body.text(), "hinted");
    },
    "informational",
  ),
  rule("informational/ignored", "1xx heads do no harm when nobody wants them", async (fixture) => {
    await using transport = await fixture.createTransport();
    const response = await transport.request({ url: urlOf(fixture, "/hints") });
    assert.equal(response.status, 200);
    assert.equal(await response.body.text(), "hinted");
  }),
  rule(
    "informational/throws",
    "an onInformational that throws ends the exchange with that error as its cause",
    async (fixture) => {
      await using transport = await fixture.createTransport();
      const cause = new Error("a defect of the caller");
      const onInformational = (): void => {
        throw cause;
      };
      const error = await expectFailure(transport.request({ url: urlOf(fixture, "/hints"), onInformational }), {
        code: "ABORTED",
      });
      assert.equal(error.cause, cause);
    },
    "informational",
  ),
];
