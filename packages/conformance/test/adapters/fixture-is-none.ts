/** What it makes lacks a way to make transports. */
import { http1Origin } from "@holdfast/conformance";

export const fixtures: Readonly<Record<string, () => Promise<object>>> = {
  broken: async () => ({ origin: await http1Origin(), traits: { sockets: true } }),
};
