/** Its origin never closes. */
import { type Fixture, http1Origin } from "@holdfast/conformance";
import { poor } from "./factories.ts";

export const fixtures: Readonly<Record<string, () => Promise<Fixture>>> = {
  hanging: async () => {
    const { url, control } = await http1Origin();
    return {
      origin: { url, control, close: () => new Promise(() => {}) },
      traits: { sockets: true },
      createTransport: poor,
    };
  },
};
