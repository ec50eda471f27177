import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Column, columns, type Outcome, problemsOf, runCell } from "./cell.ts";
import { makeCertificate } from "./certificate.ts";
import { rows } from "./matrix.ts";
import type { Certificate } from "./server.ts";
import { table, title } from "./table.ts";
import { concurrency, requests } from "./workload.ts";

let certificate: Certificate;
const results = rows.map((row) => ({ name: title(row), row, outcomes: new Map<Column, Outcome>() }));

beforeAll(async () => {
  certificate = await makeCertificate();
});
afterAll(() => console.log(`connections / requests sent again\n\n${table(results)}`));

describe.each(results)(`${requests} requests by ${concurrency} workers to $name`, ({ row, outcomes }) => {
  const own = columns.filter(({ protocol }) => row.protocols.includes(protocol));
  it.concurrent.each(own)("all succeed and none runs twice over $name", async (column) => {
    const outcome = await runCell(row, column, certificate);
    outcomes.set(column, outcome);
    expect(problemsOf(row, column, outcome)).toEqual([]);
    expect(outcome.succeeded).toBe(requests);
  });
});
