import type { TransportError, TransportRequest, TransportResponse } from "@holdfast/transport";
import { isTransportError } from "@holdfast/transport";
import { parsePoolOptions, type PoolOptions } from "../src/options.ts";
import { type Admission, Pool } from "../src/pool.ts";
import { type FakeAttempt, type FakeConnection, FakeDriver } from "./fake-driver.ts";

export const url = "http://a.example/";

export interface Fixture {
  readonly pool: Pool;
  readonly driver: FakeDriver;
}

/** A pool whose connections carry one exchange each, or many where `multiplexed` is set. */
export function newPool(
  options: PoolOptions & { readonly multiplexed?: boolean } = {},
  admit: Admission = () => {},
): Fixture {
  const { multiplexed = false, ...rest } = options;
  const driver = new FakeDriver(multiplexed);
  const parsed = parsePoolOptions(rest, { maxConnections: 2, idleTimeoutMs: Infinity });
  return { driver, pool: new Pool(driver, parsed, admit) };
}

/** Everything that was only waiting for its turn has had it. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

export interface Call {
  readonly response: TransportResponse | undefined;
  readonly error: TransportError | undefined;
  readonly settled: boolean;
}

/** A request whose outcome can be looked at in the same turn. */
export function call(pool: Pool, request: Partial<TransportRequest> = {}): Call {
  const seen: { -readonly [K in keyof Call]: Call[K] } = { response: undefined, error: undefined, settled: false };
  pool.request({ url, ...request }).then(
    (response) => {
      seen.response = response;
      seen.settled = true;
    },
    (error: unknown) => {
      if (!isTransportError(error)) throw error;
      seen.error = error;
      seen.settled = true;
    },
  );
  return seen;
}

/** The first attempt under way. */
export function current(driver: FakeDriver): FakeAttempt {
  const [attempt] = driver.running;
  if (attempt === undefined) throw new Error("nothing runs");
  return attempt;
}

/** An open idle connection that has carried one exchange. */
export async function usedConnection(
  { pool, driver }: Fixture,
  capacity = 1,
  to: string = url,
): Promise<FakeConnection> {
  const first = call(pool, { url: to });
  const connection = driver.last.open(capacity);
  await turn();
  connection.running[0]?.answer();
  await turn();
  if (first.response === undefined) throw new Error("the first exchange was not answered");
  return connection;
}

/** What a response body fails with. */
export async function bodyError(response: TransportResponse | undefined): Promise<TransportError> {
  const outcome: unknown = await response?.body.bytes().then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!isTransportError(outcome)) throw new Error("the body did not fail");
  return outcome;
}
