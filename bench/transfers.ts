import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { type BenchOrigin, measure, serve } from "./processes.ts";
import { ratio, rounds, spread, written } from "./rounds.ts";

/** A client under measurement, on one connection. */
export interface TransferClient {
  /** Reads a response of so many bytes to its end, and says how many came. */
  download(bytes: number): Promise<number>;
  /** Sends a body, and says how many bytes of it the origin received. */
  upload(body: Uint8Array): Promise<number>;
  close(): Promise<void> | void;
}

/** By name. The first is the one that the others are held against. */
export type TransferClients = Readonly<
  Record<string, (origin: BenchOrigin) => TransferClient | Promise<TransferClient>>
>;

interface Sample {
  readonly roundTripMs: number;
  readonly downloadSeconds: number;
  readonly uploadSeconds: number;
}

/**
 * Measures how long one body takes over a connection with an emulated round trip, down and up, and prints a table as
 * {@link bench} does. The connection is open and has answered before a transfer begins.
 *
 *     [--bytes 10485760] [--delay 20] [--rounds 3] [--json FILE] [--only NAME]...
 *
 * `delay` is one way, in milliseconds. It is added by a process between client and origin.
 *
 * @param args those options, as they were given.
 * @param clients module that exports `clients`.
 * @param origin module that serves as a child process and sends a {@link BenchOrigin}.
 * @param note printed below the table: what a reader must know to compare its rows.
 */
export async function transfers({
  args,
  clients,
  origin,
  note,
}: {
  readonly args: readonly string[];
  readonly clients: URL;
  readonly origin: URL;
  readonly note?: string;
}): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      bytes: { type: "string", default: "10485760" },
      delay: { type: "string", default: "20" },
      rounds: { type: "string", default: "3" },
      only: { type: "string", multiple: true },
      json: { type: "string" },
    },
  });
  const module = (await import(clients.href)) as { readonly clients: TransferClients };
  const names = values.only ?? Object.keys(module.clients);

  const served = await serve<BenchOrigin>(origin);
  const url = new URL(served.address.url);
  const line = await serve<number>(new URL("delay-line.ts", import.meta.url), [url.port, values.delay]);
  url.port = String(line.address);
  const run = new URL("run-transfers.ts", import.meta.url);
  const load = [JSON.stringify({ ...served.address, url: url.href }), values.bytes];
  const samples = await rounds(names, Number(values.rounds), (client) =>
    measure<Sample>(run, clients, client, load),
  ).finally(() => {
    line.stop();
    served.stop();
  });

  const figures = (client: string, figure: keyof Sample): number[] =>
    (samples.get(client) ?? []).map((one) => one[figure]);
  const [base = ""] = names;
  const rows = names.map((client) => ({
    client,
    download: spread(figures(client, "downloadSeconds")),
    downloadRatio: ratio(figures(client, "downloadSeconds"), figures(base, "downloadSeconds")),
    upload: spread(figures(client, "uploadSeconds")),
    uploadRatio: ratio(figures(client, "uploadSeconds"), figures(base, "uploadSeconds")),
  }));
  const roundTrip = spread(names.flatMap((client) => figures(client, "roundTripMs")));
  console.log(
    `${values.bytes} bytes with ${values.delay} ms added each way, median of ${values.rounds} rounds, Node ${process.versions.node}; ` +
      `a small GET took ${written(roundTrip, 0)} ms`,
  );
  console.table(
    rows.map((row) => ({
      client: row.client,
      "download, s": written(row.download),
      "download, first = 1": row.downloadRatio.median.toFixed(3),
      "upload, s": written(row.upload),
      "upload, first = 1": row.uploadRatio.median.toFixed(2),
    })),
  );
  if (note !== undefined) console.log(note);
  if (values.json !== undefined) {
    const all = { schema: 1, node: process.versions.node, options: values, rows, samples: Object.fromEntries(samples) };
    writeFileSync(values.json, `${JSON.stringify(all, undefined, 2)}\n`);
  }
}
