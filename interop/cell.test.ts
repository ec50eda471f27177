import { describe, expect, it } from "vitest";
import { columns, type Outcome, problemsOf } from "./cell.ts";
import type { Row } from "./matrix.ts";
import { startNode } from "./node.ts";
import { requests } from "./workload.ts";

const [overHttp1] = columns;
const row: Row = { server: "node", start: startNode, protocols: ["http/1.1"], settings: [] };
const good: Outcome = {
  succeeded: requests,
  failures: {},
  maxOpen: 16,
  executions: new Map(Array.from({ length: requests }, (_, id) => [`${id}`, 1])),
  connections: Array.from({ length: 16 }, () => 313),
  resent: 0,
};

describe("the verdict on an outcome", () => {
  it("finds nothing wrong with one that is as it must be", () => {
    expect(problemsOf(row, overHttp1!, good)).toEqual([]);
  });

  it.each<[string, Partial<Outcome>, Partial<Row>, string]>([
    ["a request that failed", { failures: { "CONNECTION_LOST in head": 2 } }, {}, "2 × CONNECTION_LOST in head"],
    ["one that the log lacks", { executions: new Map([["0", 1]]) }, {}, `1 of ${requests} are in the server's log`],
    ["one that ran twice", { executions: new Map(good.executions).set("7", 2) }, {}, "1 were executed twice"],
    ["a connection too many at a time", { maxOpen: 17 }, {}, "17 connections at a time, 16 allowed"],
    ["one too many in all", { connections: Array.from({ length: 17 }, () => 1) }, {}, "17 connections, 16 explained"],
    [
      "a server that does not heed its settings",
      {},
      { maxRequests: { "http/1.1": 100 } },
      "up to 313 requests on a connection, not 100",
    ],
  ])("names %s", (_, outcome, settings, problem) => {
    expect(problemsOf({ ...row, ...settings }, overHttp1!, { ...good, ...outcome })).toEqual([problem]);
  });

  it("allows each connection that ends by a count its successor", () => {
    const overWebSocket = columns.find(({ protocol }) => protocol === "websocket")!;
    const counted: Row = { ...row, protocols: ["websocket"], told: { maxExchanges: 100 } };
    const outcome = { ...good, connections: [requests] };
    expect(problemsOf(counted, overWebSocket, { ...outcome, maxOpen: 8 })).toEqual([]);
    expect(problemsOf(counted, overWebSocket, { ...outcome, maxOpen: 9 })).toEqual([
      "9 connections at a time, 8 allowed",
    ]);
  });

  it("allows as many connections more as the server ends", () => {
    const many = { ...good, connections: Array.from({ length: 16 + 50 }, () => 100) };
    expect(problemsOf({ ...row, maxRequests: { "http/1.1": 100 } }, overHttp1!, many)).toEqual([]);
    const silent = { ...good, connections: Array.from({ length: 6 * 16 }, () => 100) };
    expect(problemsOf({ ...row, idleMs: 1_000 }, overHttp1!, silent)).toEqual([]);
  });
});
