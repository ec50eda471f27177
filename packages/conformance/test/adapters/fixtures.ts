/** What an adapter of a protocol of its own brings: fixtures by name. */
import { type Fixture, http1Origin } from "@holdfast/conformance";
import { speaksWire } from "./factories.ts";

export const fixtures: Readonly<Record<string, () => Promise<Fixture>>> = {
  wire: async () => ({ origin: await http1Origin(), traits: { sockets: true }, createTransport: speaksWire }),
};
