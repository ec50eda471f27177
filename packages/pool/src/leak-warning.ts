import type { Exchange } from "./exchange.ts";

/** Read once: the environment is slow to read. */
const inDevelopment: boolean = process.env["NODE_ENV"] === "development";

/** Where an exchange is made, for {@link warnOfLeak}; in development only, because it costs more than the exchange. */
export function placeOfCall(): string | undefined {
  return inDevelopment ? new Error("the request was made").stack : undefined;
}

/** Says that a response was thrown away unread, with where its request was made if that is known. Not in production. */
export function warnOfLeak({ request, madeAt }: Pick<Exchange, "request" | "madeAt">): void {
  if (process.env["NODE_ENV"] === "production") return;
  const { method, target } = request;
  process.emitWarning(
    `A response to ${method} ${target.origin} was thrown away unread and held its connection until it was garbage collected. Read, cancel or dispose each response.`,
    {
      type: "HoldfastWarning",
      code: "HOLDFAST_RESPONSE_LEAKED",
      ...(madeAt === undefined ? {} : { detail: madeAt }),
    },
  );
}
