/** One application function, the same mixed exchanges over every transport: are the results the same, and what did it take? */
import { createHash } from "node:crypto";
import { parseArgs } from "node:util";
import { amount, count, decimal } from "../src/figures.ts";
import { type Column, layTable } from "../src/table.ts";
import { contestants } from "./contestants.ts";
import { judgeMix, type MixRun } from "./judge-mix.ts";
import type { ClientOptions, ClientReport } from "./mixed-client.ts";
import type { Ledger } from "./mixed-handler.ts";
import { countKinds, planMix } from "./plan.ts";
import { startChild } from "./processes.ts";

type Run = MixRun & Omit<ClientReport, "ledger">;

const { values } = parseArgs({
  options: {
    exchanges: { type: "string", default: "10000" },
    concurrency: { type: "string", default: "128" },
    seed: { type: "string", default: "1" },
  },
});
const mix = { seed: Number(values.seed), exchanges: Number(values.exchanges), largeBytes: 5 * 2 ** 20 };
const concurrency = Number(values.concurrency);
const steps = planMix(mix);
const kinds = countKinds(steps);
console.log(`${amount(mix.exchanges, "exchange")} over each transport, ${concurrency} at a time, seed ${mix.seed}:`);
console.log(`${count(kinds.get)} GET, ${count(kinds.post)} POST with a streamed body of up to 128 KiB,`);
console.log(`${count(kinds.down)} of 5 MiB down, ${count(kinds.up)} of 5 MiB up, and given up:`);
console.log(
  `${count(kinds["cancel-waiting"])} before the head, ${count(kinds["cancel-down"])} inside the response body, ${count(kinds["cancel-up"])} inside the request body.\n`,
);

const runs: Run[] = [];
for (const transport of Object.keys(contestants)) runs.push(await run(transport));

const columns = [
  ["", "transport"],
  ["", "answered"],
  ["given", "up"],
  ["", "failed"],
  ["", "s"],
  ["exchanges", "/s"],
  ["", "connections"],
  ["in the", "handler"],
  ["told of", "giving up"],
  ["RSS MiB", "before"],
  ["RSS MiB", "peak"],
  ["MiB", "held"],
] as const;
const rows = runs.map(({ transport, result, ledger, memory }) => [
  transport,
  count(result.answered),
  count(result.cancelled),
  count(result.failed),
  decimal(result.elapsedMs / 1_000, 1),
  count(Math.round((mix.exchanges * 1_000) / result.elapsedMs)),
  count(result.connectionsOpened),
  count(Object.values(ledger.executed).reduce((total, times) => total + times, 0)),
  count(ledger.abandoned),
  mebibytes(memory.beforeBytes),
  mebibytes(memory.peakBytes),
  mebibytes(memory.heldBytes),
]);
const table = columns.map((header, index): Column => ({ header, align: index === 0 ? "left" : "right" }));
for (const line of layTable(table, rows)) console.log(line);
console.log(
  "\nMemory is the client's, the transport's with the handler where it is memory; held is what is in use afterwards.",
);

const problems = [
  ...judgeMix(steps, runs),
  ...runs.flatMap(({ transport, open }) => (open.length === 0 ? [] : [`${transport} left open: ${open.join(", ")}`])),
];
const digest = createHash("sha256")
  .update((runs[0]?.result.lines ?? []).join("\n"))
  .digest("hex");
if (problems.length === 0) {
  console.log(`All ${count(mix.exchanges)} results are the same over ${runs.map((one) => one.transport).join(", ")}:`);
  console.log(`sha256 ${digest}.`);
  console.log("Every exchange settled, none was executed twice, nothing is left open.");
} else {
  for (const problem of problems) console.log(problem);
  process.exitCode = 1;
}

async function run(transport: string): Promise<Run> {
  // One each: what the client of another gave up may be on its way still.
  const server = startChild<string | Ledger>("./mixed-origin.ts");
  const origin = (await server.ask()) as string;
  const options: ClientOptions = { ...mix, transport, origin, concurrency };
  const client = startChild<ClientReport>("./mixed-client.ts", options);
  const report = await client.ask();
  await client.ended();
  const ledger = report.ledger ?? ((await server.ask("take")) as Ledger);
  await server.ended();
  return { ...report, transport, ledger };
}

function mebibytes(bytes: number): string {
  return decimal(bytes / 2 ** 20, 0);
}
