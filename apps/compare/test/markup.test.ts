import { describe, expect, it } from "vitest";
import { markup } from "../src/markup.ts";

describe("a template of markup", () => {
  it("escapes what is text, in content and in attributes", () => {
    const text = `<b>&"'`;
    expect(markup`<p title="${text}">${text}</p>`.markup).toBe(
      '<p title="&#60;b&#62;&#38;&#34;&#39;">&#60;b&#62;&#38;&#34;&#39;</p>',
    );
  });

  it("takes markup as it is, lists of it joined, numbers, and undefined as nothing", () => {
    const items = ["a", "<"].map((one) => markup`<li>${one}</li>`);
    expect(markup`<ul>${items}</ul>${undefined}${1.5}${markup`<hr>`}`.markup).toBe(
      "<ul><li>a</li><li>&#60;</li></ul>1.5<hr>",
    );
  });
});
