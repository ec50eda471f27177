import type { Capabilities, Transport, TransportRequest, TransportResponse } from "../src/index.ts";

export const stubCapabilities: Capabilities = {
  exchange: true,
  channel: false,
  multiplexed: false,
  duplex: false,
  requestTrailers: false,
  responseTrailers: false,
  informational: false,
  push: false,
};

/** One call that a {@link StubTransport} got: the member's name, then its arguments. */
export type Call = readonly [member: string, ...args: unknown[]];

/** A transport that is a class with private state, so a member called without its `this` throws. */
export class StubTransport implements Transport {
  readonly "~holdfast": Transport["~holdfast"];
  readonly protocol = "stub";
  readonly capabilities: Capabilities = stubCapabilities;
  /** What every `request()` answers. */
  readonly response: TransportResponse = {} as TransportResponse;
  #calls: Call[] = [];

  constructor() {
    this["~holdfast"] = { version: 1, vendor: "stub", protocol: this.protocol, capabilities: this.capabilities };
  }

  get calls(): readonly Call[] {
    return this.#calls;
  }

  async request(request: TransportRequest): Promise<TransportResponse> {
    this.#calls.push(["request", request]);
    return this.response;
  }

  async open(...args: Parameters<Transport["open"]>): ReturnType<Transport["open"]> {
    this.#calls.push(["open", ...args]);
    throw new Error("the stub opens nothing");
  }

  async warm(...args: Parameters<Transport["warm"]>): Promise<void> {
    this.#calls.push(["warm", ...args]);
  }

  stats(): ReturnType<Transport["stats"]> {
    this.#calls.push(["stats"]);
    return {} as ReturnType<Transport["stats"]>;
  }

  async close(...args: Parameters<Transport["close"]>): Promise<void> {
    this.#calls.push(["close", ...args]);
  }

  async destroy(...args: Parameters<Transport["destroy"]>): Promise<void> {
    this.#calls.push(["destroy", ...args]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#calls.push(["dispose"]);
    await this.close();
  }
}
