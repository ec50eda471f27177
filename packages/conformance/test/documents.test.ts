import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parseCommand, usage } from "../src/cli/command.ts";

const pages = [
  "packages/conformance/README.md",
  "docs/writing-an-adapter.md",
  "packages/create-holdfast-adapter/README.md",
  "packages/create-holdfast-adapter/template/README.md",
] as const;

function read(path: string): string {
  return readFileSync(new URL(`../../../${path}`, import.meta.url), "utf8");
}

/** What follows these words: in a block up to a comment or the end of the line, in a sentence up to the end of the code. */
function commands(text: string, words: string): readonly (readonly string[])[] {
  return [...text.matchAll(new RegExp(`${words} ([^\`\\n#]+(?:#\\w[^\`\\n#]*)?)`, "g"))].map(([, rest = ""]) =>
    rest.trim().split(/\s+/),
  );
}

const scripts = (JSON.parse(read("package.json")) as { readonly scripts: Readonly<Record<string, string>> }).scripts;
const ofTemplate = (
  JSON.parse(read("packages/create-holdfast-adapter/template/_package.json")) as {
    readonly scripts: Readonly<Record<string, string>>;
  }
).scripts;

describe("the documents", () => {
  it.each(pages)("of %s give commands that the command understands", (page) => {
    for (const args of commands(read(page), "npx holdfast-conformance")) expect(parseCommand(args)).toBeDefined();
  });

  it("give more than one", () => {
    expect(pages.flatMap((page) => commands(read(page), "npx holdfast-conformance")).length).toBeGreaterThan(5);
  });

  it.each(pages)("of %s name scripts that there are", (page) => {
    for (const [script = ""] of commands(read(page), "(?:pnpm|npm) run"))
      expect([...Object.keys(scripts), ...Object.keys(ofTemplate)]).toContain(script);
  });

  it("name every option of the command", () => {
    const told = pages.map(read).join("\n");
    for (const [option] of usage.matchAll(/--(?:only|repeat|json|badge)\b/g)) expect(told).toContain(option);
  });
});
