import { StubTransport } from "./stub-transport.ts";

export interface FixtureOptions {
  readonly label: string;
}

/** As a third party's adapter: the only function of its module. */
export function fixtureAdapter(options: FixtureOptions): StubTransport & { readonly label: string } {
  return Object.assign(new StubTransport(), { label: options.label });
}
