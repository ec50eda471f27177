import { describe, expect, it } from "vitest";
import { parseCommand } from "../src/command.ts";
import { nextSteps } from "../src/next-steps.ts";
import { namesOf } from "../src/names.ts";

describe("the command line", () => {
  it("names a folder, and the package if it is to have another name", () => {
    expect(parseCommand(["wire"])).toEqual({ kind: "create", folder: "wire", packageName: undefined });
    expect(parseCommand(["a/wire", "--name", "@me/wire"])).toEqual({
      kind: "create",
      folder: "a/wire",
      packageName: "@me/wire",
    });
  });

  it("may ask for help or the version, whatever else it says", () => {
    expect(parseCommand(["--help"])).toEqual({ kind: "help" });
    expect(parseCommand(["wire", "-h"])).toEqual({ kind: "help" });
    expect(parseCommand(["--version"])).toEqual({ kind: "version" });
  });

  it.each([
    [[], "Say which folder to write, as in: my-adapter."],
    [[""], "Say which folder to write, as in: my-adapter."],
    [["a", "b"], 'One folder at a time; "b" is one more.'],
    [["a", "--nmae", "b"], "Unknown option '--nmae'."],
    [["a", "--name"], "Option '--name <value>' argument missing."],
  ] as const)("%j is refused in one sentence", (args, message) => {
    expect(() => parseCommand(args)).toThrow(message);
  });
});

describe("the next steps", () => {
  it.each([
    ["pnpm/12.21.0 npm/? node/v26.10.0 linux x64", "pnpm install"],
    ["npm/11.0.0 node/v26.10.0 linux x64 workspaces/false", "npm install"],
    ["yarn/4.9.0 npm/? node/v26.10.0 linux x64", "yarn install"],
    ["bun/1.3.0", "bun install"],
    ["something/1.0.0", "npm install"],
    ["", "npm install"],
  ])("of %j are those of its package manager", (userAgent, command) => {
    expect(nextSteps("wire", namesOf("wire"), userAgent)).toContain(`\n  ${command}\n`);
  });

  it("quote a folder with a blank", () => {
    expect(nextSteps("my things/wire", namesOf("wire"))).toContain('cd "my things/wire"');
  });
});
