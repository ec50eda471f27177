/** What it makes is no transport. */
import { http1Origin } from "@holdfast/conformance";

export const fixtures: Readonly<Record<string, () => Promise<object>>> = {
  five: async () => ({ origin: await http1Origin(), traits: { sockets: true }, createTransport: () => 5 }),
};
