import { answerOver, exchangeOver, pipePair } from "@holdfast/exchange";
import { expect, it } from "vitest";

it("a request body of very many small pieces arrives whole and in order", async () => {
  await using transport = exchangeOver(() => {
    const [near, far] = pipePair();
    answerOver(far, async ({ body }) => ({ body: await body.bytes() }));
    return near;
  });
  const count = 70_000;
  const response = await transport.request({
    url: "http://a.example/",
    method: "POST",
    body: async function* () {
      for (let i = 0; i < count; i++) yield Uint8Array.of(i % 251);
    },
  });
  expect(await response.body.bytes()).toEqual(Uint8Array.from({ length: count }, (_, i) => i % 251));
});
