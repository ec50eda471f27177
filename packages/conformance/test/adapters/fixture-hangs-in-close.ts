/** Its transports never close. */
import { type Fixture, http1Origin } from "@holdfast/conformance";
import { hangsInClose } from "./factories.ts";

export const fixtures: Readonly<Record<string, () => Promise<Fixture>>> = {
  hanging: async () => ({ origin: await http1Origin(), traits: { sockets: true }, createTransport: hangsInClose }),
};
