/** Text that is HTML or SVG already. */
export interface Markup {
  readonly markup: string;
}

export type MarkupValue = Markup | readonly Markup[] | string | number | undefined;

/** A template for HTML and SVG: markup goes in as it is, lists of it joined, undefined as nothing, and all else escaped. */
export function markup(strings: TemplateStringsArray, ...values: readonly MarkupValue[]): Markup {
  return { markup: strings.map((text, index) => text + toText(values[index])).join("") };
}

function toText(value: MarkupValue): string {
  if (value === undefined) return "";
  if (typeof value === "object") {
    return "markup" in value ? value.markup : value.map((one) => one.markup).join("");
  }
  return String(value).replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
