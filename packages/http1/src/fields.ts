import type { Fields } from "@holdfast/transport";

/**
 * undici's headers as ours: no prototype, `set-cookie` always an array, and the blanks after a value taken off, which are
 * no part of it (RFC 9110, 5.5). The names are in lower case already.
 */
export function toResponseFields(headers: Readonly<Record<string, string | string[] | undefined>>): Fields {
  const fields = { __proto__: null } as unknown as Record<string, string | readonly string[]>;
  for (const name in headers) {
    const value = headers[name] as string | string[];
    if (typeof value !== "string") fields[name] = value.map(withoutBlanks);
    else fields[name] = name === "set-cookie" ? [withoutBlanks(value)] : withoutBlanks(value);
  }
  return fields;
}

function withoutBlanks(value: string): string {
  let end = value.length;
  while (end > 0 && isBlank(value.charCodeAt(end - 1))) end--;
  return end === value.length ? value : value.slice(0, end);
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}
