/** The application's server in a process of its own, until the parent lets go. */
import { mixedHandler } from "./mixed-handler.ts";
import { serveMixed } from "./serve-mixed.ts";

const handler = mixedHandler();
const server = await serveMixed(handler);
process.on("message", () => {
  void handler.take().then((ledger) => process.send?.(ledger));
});
process.on("disconnect", () => void server.close());
process.send?.(server.url);
