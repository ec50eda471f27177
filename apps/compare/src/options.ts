import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { checkRequest, type Fields, toFields } from "@holdfast/transport";
import type { Workload } from "./workload.ts";

/** A command line that asks for a run. */
export interface RunOptions {
  readonly workload: Workload;
  /** Undefined: the tool's own origin, plain and over TLS. */
  readonly url: string | undefined;
  /** Certificates to trust, in PEM. */
  readonly ca: string | undefined;
  readonly insecure: boolean;
  /** Distance of the tool's own origin: half of it is added to each way, and once the whole, for the handshake of TCP. */
  readonly roundTripMs: number;
  /** Modules of adapters that join; none twice. */
  readonly adapters: readonly string[];
  /** Print Markdown instead of a table for terminals. */
  readonly markdown: boolean;
  /** Where the results go as JSON. */
  readonly jsonFile: string | undefined;
  /** Where the results go as a page. */
  readonly htmlFile: string | undefined;
}

export type Command =
  | { readonly kind: "run"; readonly options: RunOptions }
  | { readonly kind: "help" }
  | { readonly kind: "version" };

/** A command line that makes no sense. The message is one sentence for the user. */
export class UsageError extends Error {}

const maxRequests = 10_000_000;
const maxConcurrency = 10_000;
const maxTimeoutMs = 3_600_000;
const maxRoundTripMs = 10_000;

export const usage: string = `Usage: holdfast-compare [options] [url]

Sends one workload over several transports, checks that the answers are equal byte for byte, and compares latency,
connections and CPU. Without a url it serves an origin of its own, plain and over TLS.

  --requests N          measured requests over each transport (default 2000)
  --concurrency N       requests under way at a time (default 16)
  --method METHOD       default GET, or POST with --body
  --body TEXT           request body
  --header 'NAME: VALUE'  request header; may be given more than once
  --timeout MS          limit on connecting, on waiting for the head, and on a silence in a body (default 10000)
  --rtt MS              emulate this round trip to the tool's own origin (default none)
  --ca FILE             trust the certificates in this PEM file instead of the system's
  --insecure            do not verify certificates
  --adapter MODULE      also compare the transport of this file or package; may be given more than once
  --md                  print Markdown
  --html FILE           write a page with curves as well; it needs no network and no script
  --json FILE           write the results there as well; SCHEMA.md describes them
  --help, --version

Exit codes: 0 done, 1 something failed or the answers differ, 2 bad usage, 130 interrupted.
`;

/**
 * Reads a command line (without the program's own name).
 *
 * @throws UsageError with one sentence.
 */
export function parseCommand(args: readonly string[]): Command {
  const { values, positionals } = parse(args);
  if (values.help === true) return { kind: "help" };
  if (values.version === true) return { kind: "version" };
  if (positionals.length > 1) throw new UsageError(`Expected one url, got ${positionals.length}.`);
  const url = positionals[0] === undefined ? undefined : checkUrl(positionals[0]);
  if (url === undefined && (values.ca !== undefined || values.insecure === true)) {
    throw new UsageError("--ca and --insecure need a url; the tool's own origin brings its certificate along.");
  }
  if (url !== undefined && values.rtt !== undefined) {
    throw new UsageError("--rtt is for the tool's own origin; a url has a round trip of its own.");
  }
  const workload: Workload = {
    requests: wholeNumber("--requests", values.requests, 2_000, maxRequests),
    concurrency: wholeNumber("--concurrency", values.concurrency, 16, maxConcurrency),
    method: values.method ?? (values.body === undefined ? "GET" : "POST"),
    headers: parseHeaders(values.header ?? []),
    body: values.body,
    timeoutMs: wholeNumber("--timeout", values.timeout, 10_000, maxTimeoutMs),
  };
  checkWorkload(workload);
  const ca = values.ca === undefined ? undefined : readCertificates(values.ca);
  const adapters = values.adapter ?? [];
  const again = adapters.find((module, index) => adapters.indexOf(module) !== index);
  if (again !== undefined) throw new UsageError(`--adapter ${again} is given twice.`);
  if (adapters.includes("")) throw new UsageError("--adapter needs the name of a file or a package.");
  for (const name of ["json", "html"] as const) {
    if (values[name] === "") throw new UsageError(`--${name} needs the name of a file.`);
  }
  const insecure = values.insecure === true;
  const roundTripMs = wholeNumber("--rtt", values.rtt, 0, maxRoundTripMs);
  const output = { markdown: values.md === true, jsonFile: values.json, htmlFile: values.html };
  return { kind: "run", options: { workload, url, ca, insecure, roundTripMs, adapters, ...output } };
}

interface RawValues {
  readonly requests?: string;
  readonly concurrency?: string;
  readonly method?: string;
  readonly body?: string;
  readonly header?: string[];
  readonly timeout?: string;
  readonly rtt?: string;
  readonly ca?: string;
  readonly insecure?: boolean;
  readonly adapter?: string[];
  readonly md?: boolean;
  readonly html?: string;
  readonly json?: string;
  readonly help?: boolean;
  readonly version?: boolean;
}

function parse(args: readonly string[]): { readonly values: RawValues; readonly positionals: readonly string[] } {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        requests: { type: "string" },
        concurrency: { type: "string" },
        method: { type: "string" },
        body: { type: "string" },
        header: { type: "string", multiple: true },
        timeout: { type: "string" },
        rtt: { type: "string" },
        ca: { type: "string" },
        insecure: { type: "boolean" },
        adapter: { type: "string", multiple: true },
        md: { type: "boolean" },
        html: { type: "string" },
        json: { type: "string" },
        help: { type: "boolean", short: "h" },
        version: { type: "boolean" },
      },
    });
  } catch (error) {
    // Node's first sentence says what is wrong; the next ones are about parseArgs.
    const [first = ""] = (error as Error).message.split(/\. |\n/);
    throw new UsageError(first.endsWith(".") ? first : `${first}.`);
  }
}

function checkUrl(text: string): string {
  if (!URL.canParse(text)) {
    throw new UsageError(`${JSON.stringify(text)} is not an absolute URL such as https://example.com/.`);
  }
  const url = new URL(text);
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    throw new UsageError(`Only http: and https: URLs can be compared, not ${JSON.stringify(url.protocol)}.`);
  }
  if (url.username !== "" || url.password !== "") {
    throw new UsageError(
      "The url holds a user name or a password; send them with --header 'authorization: ...' instead.",
    );
  }
  url.hash = "";
  return url.href;
}

function wholeNumber(name: string, text: string | undefined, fallback: number, most: number): number {
  if (text === undefined) return fallback;
  const value = /^\d{1,15}$/.test(text) ? Number(text) : 0;
  if (value < 1 || value > most) {
    throw new UsageError(
      `${name} takes a whole number from 1 to ${most.toLocaleString("en-US")}, not ${JSON.stringify(text)}.`,
    );
  }
  return value;
}

function parseHeaders(lines: readonly string[]): Fields {
  return toFields(
    lines.map((line) => {
      const colon = line.indexOf(":");
      if (colon < 1) throw new UsageError("--header takes 'name: value'.");
      return [line.slice(0, colon).trim(), line.slice(colon + 1).trim()];
    }),
  );
}

/** What the transports would refuse is refused here, before anything is sent. */
function checkWorkload({ method, headers, body }: Workload): void {
  try {
    checkRequest({ url: "http://localhost/", method, headers, body: body ?? null });
  } catch (error) {
    throw new UsageError(`This request cannot be sent: ${(error as Error).message}.`);
  }
}

function readCertificates(file: string): string {
  let pem: string;
  try {
    pem = readFileSync(file, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new UsageError(
      `The file of --ca, ${file}, cannot be read${code === "ENOENT" ? ": it does not exist" : ` (${code ?? "unknown reason"})`}.`,
    );
  }
  try {
    new X509Certificate(pem);
  } catch {
    throw new UsageError(`The file of --ca, ${file}, holds no certificate in PEM.`);
  }
  return pem;
}
