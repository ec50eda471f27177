import { describe, expect, it } from "vitest";
import { parseCommand, type RunOptions, UsageError, usage } from "../src/options.ts";

function runOptions(...args: readonly string[]): RunOptions {
  const command = parseCommand(args);
  if (command.kind !== "run") throw new Error(`not a run but ${command.kind}`);
  return command.options;
}

describe("an empty command line", () => {
  it("asks for 2,000 GETs, 16 at a time, to the tool's own origin", () => {
    const { workload, ...rest } = runOptions();
    expect(workload).toMatchObject({
      requests: 2_000,
      concurrency: 16,
      method: "GET",
      body: undefined,
      timeoutMs: 10_000,
    });
    expect(rest).toEqual({
      url: undefined,
      ca: undefined,
      insecure: false,
      roundTripMs: 0,
      adapters: [],
      markdown: false,
      jsonFile: undefined,
      htmlFile: undefined,
    });
  });
});

describe("a full command line", () => {
  it("is read as it is meant", () => {
    const options = runOptions(
      ...["--requests", "50", "--concurrency=4", "--method", "PUT", "--body", "hello", "--timeout", "700"],
      ...["--header", "X-One: 1", "--header", "x-one:2", "--header", "accept: a/b", "--insecure", "--json", "out.json"],
      ...["--adapter", "./a.js", "--adapter", "b#c", "--md", "--html", "out.html"],
      "https://a.example/path?q=1#fragment",
    );
    expect(options).toMatchObject({
      workload: { requests: 50, concurrency: 4, method: "PUT", body: "hello", timeoutMs: 700 },
      url: "https://a.example/path?q=1",
      insecure: true,
      adapters: ["./a.js", "b#c"],
      markdown: true,
      jsonFile: "out.json",
      htmlFile: "out.html",
    });
    expect({ ...options.workload.headers }).toEqual({ "x-one": ["1", "2"], accept: "a/b" });
  });

  it("puts the tool's own origin as far away as it is told", () => {
    expect(runOptions("--rtt", "80")).toMatchObject({ roundTripMs: 80 });
  });

  it("sends a POST if there is a body and no method", () => {
    expect(runOptions("--body", "").workload).toMatchObject({ method: "POST", body: "" });
  });
});

describe("--help and --version", () => {
  it("win over everything else", () => {
    expect(parseCommand(["--help", "--requests", "none"])).toEqual({ kind: "help" });
    expect(parseCommand(["-h"])).toEqual({ kind: "help" });
    expect(parseCommand(["--version"])).toEqual({ kind: "version" });
  });

  it("name every option", () => {
    const names = [
      "requests",
      "concurrency",
      "method",
      "body",
      "header",
      "timeout",
      "ca",
      "insecure",
      "adapter",
      "json",
    ];
    for (const name of names) expect(usage).toContain(`--${name}`);
  });
});

describe("a bad command line", () => {
  const cases: readonly (readonly [args: readonly string[], sentence: string])[] = [
    [["--adapter", "./a.js", "--adapter", "./a.js"], "--adapter ./a.js is given twice."],
    [["--adapter", ""], "--adapter needs the name of a file or a package."],
    [["--requests", "0"], '--requests takes a whole number from 1 to 10,000,000, not "0".'],
    [["--requests", "1e3"], '--requests takes a whole number from 1 to 10,000,000, not "1e3".'],
    [["--requests=-5"], '--requests takes a whole number from 1 to 10,000,000, not "-5".'],
    [["--concurrency", "1.5"], '--concurrency takes a whole number from 1 to 10,000, not "1.5".'],
    [["--timeout", ""], '--timeout takes a whole number from 1 to 3,600,000, not "".'],
    [["--rtt", "0"], '--rtt takes a whole number from 1 to 10,000, not "0".'],
    [["--rtt", "5", "http://a/"], "--rtt is for the tool's own origin; a url has a round trip of its own."],
    [["--requests"], "Option '--requests <value>' argument missing."],
    [["--frobnicate"], "Unknown option '--frobnicate'."],
    [["http://a/", "http://b/"], "Expected one url, got 2."],
    [["a.example"], '"a.example" is not an absolute URL such as https://example.com/.'],
    [["ftp://a.example/"], 'Only http: and https: URLs can be compared, not "ftp:".'],
    [
      ["http://user:secret@a.example/"],
      "The url holds a user name or a password; send them with --header 'authorization: ...' instead.",
    ],
    [["--header", "no colon"], "--header takes 'name: value'."],
    [["--header", "bad name: 1"], 'This request cannot be sent: "bad name" is not a field name (RFC 9110, 5.1).'],
    [
      ["--header", "transfer-encoding: chunked"],
      "This request cannot be sent: the field transfer-encoding belongs to the transport and cannot be set.",
    ],
    [["--method", "GET /"], "This request cannot be sent: method is not a token (RFC 9110, 9.1)."],
    [["--insecure"], "--ca and --insecure need a url; the tool's own origin brings its certificate along."],
    [
      ["--ca", "/does/not/exist", "https://a/"],
      "The file of --ca, /does/not/exist, cannot be read: it does not exist.",
    ],
    [
      ["--ca", import.meta.filename, "https://a/"],
      `The file of --ca, ${import.meta.filename}, holds no certificate in PEM.`,
    ],
    [["--json", ""], "--json needs the name of a file."],
    [["--html", ""], "--html needs the name of a file."],
  ];

  it.each(cases)("%j is answered with one sentence", (args, sentence) => {
    expect(() => parseCommand(args)).toThrow(new UsageError(sentence));
  });

  it("takes a field named __proto__ for what it is", () => {
    expect(Object.keys(runOptions("--header", "__proto__: 1").workload.headers)).toEqual(["__proto__"]);
  });
});
